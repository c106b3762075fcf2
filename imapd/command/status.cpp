// STATUS: how many messages a mailbox has, and what else is known of it without selecting it.
#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> status(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_status(command.arguments, context.limits()));
  CO_TRY_DO(check_status_items(context, request.items));
  CO_TRY(auto name, context.mailbox_name(request.mailbox));
  auto reporting = report_status(context, name, request.items);
  CO_TRY(auto line, co_await std::move(reporting));
  context.put(line);
  co_return Reply::ok("Status completed.");
}

Result<void> check_status_items(SessionContext& context, const std::vector<StatusItem>& items) {
  for (auto item : items) {
    if (item == StatusItem::HighestModSeq) context.enable_condstore();
    if (item == StatusItem::MailboxId && !context.store().keeps_ids()) {
      return Error(501, "Unknown status item " + std::string(name_of(item)));
    }
  }
  return {};
}

Task<Result<std::string>> report_status(SessionContext& context, const store::MailboxName& name,
                                        const std::vector<StatusItem>& items) {
  // RFC 8438 section 3 and RFC 9208 section 4.1.4: sums of RFC822.SIZE, for which each message may
  // have to be looked at.
  bool with_size = std::ranges::any_of(items, [](StatusItem item) {
    return item == StatusItem::Size || item == StatusItem::DeletedStorage;
  });
  auto looking =
      context.retry_while_locked([&] { return context.store().status(name, with_size); });
  CO_TRY(auto found, co_await std::move(looking));
  co_return status_line(name.text(), items, found, context.limits().message_bytes_max,
                        context.name_form());
}

}  // namespace pennypost::imap
