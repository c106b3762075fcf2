// SORT and THREAD, with their UID forms: finds messages, and tells them in an order or in threads.
//
// STANDARDS  RFC 5256, RFC 5267 (ESORT, UPDATE), RFC 5957 (SORT=DISPLAY), RFC 6203 (RELEVANCY)
#include "imapd/command/find.h"
#include "imapd/command/handlers.h"
#include "imapd/command/ordering.h"
#include "imapd/command/search_contexts.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> sort(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_sort(command.arguments, context.limits()));
  bool is_update = request.search.return_update;
  if (is_update && is_followed(context, command.tag)) co_return Reply::bad("Tag reuse");
  SearchFindings findings;
  auto finding = find_messages(context, request.search, &findings);
  auto found = co_await std::move(finding);
  if (!found) co_return search_failed(*context.selected(), request.search, found.error());
  auto ordering = order_messages(context, request.criteria, *std::move(found), findings.scores);
  auto ordered = co_await std::move(ordering);
  if (!ordered) co_return search_failed(*context.selected(), request.search, ordered.error());
  auto numbers = *std::move(ordered);
  std::vector<std::uint32_t> update;
  if (is_update) update = numbers;
  auto telling =
      tell_found(context, command, "SORT", request.search, std::move(numbers), findings.scores);
  co_await std::move(telling);
  if (is_update) {
    follow_search(context, command.tag, command.is_uid(), request.search, request.criteria, update);
  }
  co_return search_done(command, "Sort completed", findings);
}

Task<Reply> thread(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_thread(command.arguments, context.limits()));
  auto finding = find_messages(context, request.search);
  CO_TRY(auto found, co_await std::move(finding));
  auto threading = thread_messages(context, request.algorithm, std::move(found), command.is_uid());
  CO_TRY(auto threads, co_await std::move(threading));
  auto line = "* THREAD" + (threads.empty() ? "" : ' ' + threads) + "\r\n";
  auto sending = context.send(line);
  co_await std::move(sending);
  co_return Reply::ok("Thread completed.");
}

}  // namespace pennypost::imap
