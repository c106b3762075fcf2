// CHECK, ENABLE and NAMESPACE: what a client asks about its account once it has logged in.
#include "imapd/command/handlers.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

// RFC 3501 section 6.4.1: what a checkpoint would write is on disk already.
Task<Reply> check(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  co_return Reply::ok("Check completed.");
}

// RFC 5161: what can't be enabled is passed over. None of our extensions has to be asked for.
Task<Reply> enable(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_enable(command.arguments, context.limits()));
  context.put("* ENABLED\r\n");
  co_return Reply::ok("Enabled.");
}

Task<Reply> show_namespaces(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.put(namespace_line(context.store().separator()));
  co_return Reply::ok("Namespace completed.");
}

}  // namespace pennypost::imap
