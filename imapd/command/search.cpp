// SEARCH and UID SEARCH.
#include "imapd/response/untagged.h"
#include "imapd/session/searcher.h"
#include "imapd/session/session.h"

namespace pennypost::imap {
namespace {

// One trip to a thread of the pool looks at so many messages, or at so much of them; then others
// may have their turn.
constexpr std::size_t messages_at_once = 500;
constexpr std::uint64_t octets_at_once = 1 << 20;

}  // namespace

Task<Reply> Session::search(const CommandHead& command) {
  CO_TRY(auto request, parse_search(command.arguments, surroundings_->limits));
  if (request.return_save) co_return Reply::bad("SAVE is not supported");
  bool is_uid = command.name.starts_with("UID ");
  auto& mailbox = selected_->mailbox();
  CO_TRY(auto searcher,
         Searcher::make(*selected_, mailbox, request, surroundings_->clock.now_seconds()));
  std::vector<std::uint32_t> found;
  bool more = true;
  store::Patience patience(loop_, store_->lock_patience());
  while (more) {
    more = co_await loop_.offload(
        [&] { return searcher.run(messages_at_once, octets_at_once, found); });
    if (!searcher.is_held_up()) continue;
    if (patience.is_over()) searcher.stop_waiting();
    co_await patience.pause();
  }
  if (is_uid) {
    for (auto& number : found) number = selected_->uid_of(number).value();
  }
  put(request.extended ? esearch_line(command.tag, is_uid, request, found) : search_line(found));
  co_return Reply::ok("Search completed.");
}

}  // namespace pennypost::imap
