// CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE.
#include "imapd/dialogue/session.h"
#include "imapd/response/own_id.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
Task<Reply> Session::capability(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  put("* CAPABILITY " + capabilities() + "\r\n");
  co_return Reply::ok("Capability completed.");
}

Task<Reply> Session::noop(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  co_return Reply::ok("NOOP completed.");
}

// RFC 3501 section 6.4.1: what a checkpoint would write is on disk already.
Task<Reply> Session::check(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  co_return Reply::ok("Check completed.");
}

Task<Reply> Session::logout(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  put("* BYE Logging out\r\n");
  ended_ = true;
  end_reason_ = "Logged out";
  co_return Reply::ok("Logout completed.");
}

Task<Reply> Session::id(const CommandHead& command) {
  CO_TRY_DO(parse_id(command.arguments, surroundings_->limits));
  put(id_line(own_id(surroundings_->settings().imap_id_send)));
  co_return Reply::ok("ID completed.");
}

// RFC 5161: what can't be enabled is passed over. None of ours has to be asked for yet.
Task<Reply> Session::enable(const CommandHead& command) {
  CO_TRY_DO(parse_enable(command.arguments, surroundings_->limits));
  put("* ENABLED\r\n");
  co_return Reply::ok("Enabled.");
}

Task<Reply> Session::show_namespaces(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  put(namespace_line(store_->separator()));
  co_return Reply::ok("Namespace completed.");
}

}  // namespace pennypost::imap
