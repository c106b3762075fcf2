// CAPABILITY, NOOP, LOGOUT and ID, which are allowed at any time.
#include "imapd/command/table.h"
#include "imapd/response/own_id.h"
#include "imapd/response/untagged.h"
#include "imapd/session/conversation.h"

namespace pennypost::imap {

Task<Reply> capability(Conversation& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.put("* CAPABILITY " + capability_text(context) + "\r\n");
  if (!context.login_capabilities()) co_return Reply::ok("Capability completed.");
  co_return Reply::ok("Pre-login capabilities listed, post-login capabilities have more.");
}

Task<Reply> noop(Conversation& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  co_return Reply::ok("NOOP completed.");
}

Task<Reply> logout(Conversation& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.abandon("Logging out", "Logged out");
  co_return Reply::ok("Logout completed.");
}

Task<Reply> id(Conversation& context, const CommandHead& command) {
  CO_TRY_DO(parse_id(command.arguments, context.limits()));
  context.put(id_line(own_id(context.settings().imap_id_send)));
  co_return Reply::ok("ID completed.");
}

}  // namespace pennypost::imap
