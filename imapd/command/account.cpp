// CHECK, ENABLE and NAMESPACE: what a client asks about its account once it has logged in.
#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

// RFC 3501 section 6.4.1: what a checkpoint would write is on disk already.
Task<Reply> check(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  co_return Reply::ok("Check completed.");
}

// RFC 5161: what can't be enabled is passed over, and what is enabled already is not told again.
Task<Reply> enable(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto names, parse_enable(command.arguments, context.limits()));
  auto is_asked = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::string enabled;
  // RFC 7162 section 3.2.3: QRESYNC brings CONDSTORE with it.
  auto before = context.reporting();
  bool wants_qresync = is_asked("QRESYNC");
  if (!before.modseqs && (is_asked("CONDSTORE") || wants_qresync)) enabled += " CONDSTORE";
  if (!before.vanished && wants_qresync) enabled += " QRESYNC";
  context.put("* ENABLED" + enabled + "\r\n");
  if (wants_qresync) {
    context.enable_qresync();
  } else if (is_asked("CONDSTORE")) {
    context.enable_condstore();
  }
  co_return Reply::ok("Enabled.");
}

Task<Reply> show_namespaces(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.put(
      namespace_line(context.store().separator(), context.store().settings().namespace_prefix));
  co_return Reply::ok("Namespace completed.");
}

}  // namespace pennypost::imap
