// GETQUOTA and GETQUOTAROOT: what the account uses of its quota.
//
// There is one quota root, for all mailboxes; an account without a quota has none. Limits are set
// by the admin, never over IMAP: there is no SETQUOTA, and no QUOTASET.
//
// STANDARDS  RFC 9208 sections 4.1.1 and 4.1.2
#include "imapd/command/handlers.h"
#include "imapd/response/metadata.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> get_quota(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto root, parse_quota_root(command.arguments, context.limits()));
  std::optional<store::Usage> usage;
  if (root == quota_root) {
    // Where the file of the quota is missing or too old, all messages are counted.
    CO_TRY(usage, co_await context.heavy_lane().offload([&] { return context.store().quota(); }));
  }
  if (!usage) co_return Reply::no(ResponseCode::NonExistent, "No such quota root");
  context.put(quota_line(*usage));
  co_return Reply::ok("Getquota completed.");
}

Task<Reply> get_quota_root(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  // RFC 9208 section 4.1.2: it need not exist.
  CO_TRY(auto name, context.mailbox_name(wire));
  CO_TRY(auto usage,
         co_await context.heavy_lane().offload([&] { return context.store().quota(); }));
  bool has_root = usage && context.store().counts_for_quota(name);
  context.put(quota_root_line(name.text(), has_root, context.name_form()));
  if (has_root) context.put(quota_line(*usage));
  co_return Reply::ok("Getquotaroot completed.");
}

}  // namespace pennypost::imap
