// NOTIFY: the client says what it wants to be told without asking.
//
// STANDARDS  RFC 5465
#include "imapd/command/handlers.h"
#include "imapd/command/notifier.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> notify(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_notify(command.arguments, context.limits()));
  if (request.names_unknown_event) {
    co_return Reply::no("BADEVENT (" + std::string(notify_event_names()) + ')',
                        "There is no such event here");
  }
  bool is_set = request.is_set;
  auto notifier = std::make_unique<Notifier>(context, std::move(request));
  auto preparing = notifier->prepare();
  auto lines = co_await std::move(preparing);
  if (!lines) {
    bool is_too_much = lines.error().response_code() == ResponseCode::Limit;
    if (!is_too_much) co_return lines.error();
    co_return Reply::no("NOTIFICATIONOVERFLOW",
                        lines.error().text() + " (imap_notify_mailboxes_max)");
  }
  if (is_set && context.selected() != nullptr) {
    // RFC 5465 section 3.1: whatever it asks for, what there is by now is told, as by NOOP.
    context.set_announcer(nullptr);
    co_await context.tell_news(true, true);
  }
  context.put(*lines);
  notifier->start();
  context.set_announcer(std::move(notifier));
  co_return Reply::ok("Notify completed.");
}

}  // namespace pennypost::imap
