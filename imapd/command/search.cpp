// SEARCH and UID SEARCH: finds messages by their contents and flags.
//
// STANDARDS  RFC 9051 section 6.4.4, RFC 4731 (ESEARCH), RFC 5032 (WITHIN)
#include "imapd/command/handlers.h"
#include "imapd/response/untagged.h"
#include "imapd/search/searcher.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

// The bounds of a step, after which other sessions may have their turn.
constexpr std::size_t messages_at_once = 500;
constexpr std::uint64_t octets_at_once = 1 << 20;
// An answer with more numbers is made on a thread, not in the event loop.
constexpr std::size_t short_answer = 10'000;

std::string progress(const Searcher& searcher, const Selected& selected) {
  auto percent = std::uint64_t{searcher.looked_at()} * 100 / std::max(selected.exists(), 1u);
  return "Searched " + std::to_string(percent) + "% of the mailbox.";
}

}  // namespace

Task<Reply> search(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_search(command.arguments, context.limits()));
  if (request.return_save) co_return Reply::bad("SAVE is not supported");
  auto& selected = *context.selected();
  std::optional<Searcher> searcher;
  std::vector<std::uint32_t> found;
  auto step = [&]() -> Result<bool> {
    if (!searcher) {
      auto now = context.worker().clock.now_seconds();
      TRY(auto made, Searcher::make(selected, selected.mailbox(), request, now));
      searcher.emplace(std::move(made));
    }
    return searcher->run(messages_at_once, octets_at_once, found);
  };
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  for (bool more = true; more;) {
    // A message that has been begun is finished first, so that no more messages are in memory than
    // are searched at a time.
    bool goes_on = searcher && searcher->is_within_message();
    auto lane = context.heavy_lane(goes_on ? FairThreads::Place::First : FairThreads::Place::Last);
    CO_TRY(more, co_await lane.offload([&] { return step(); }));
    if (!more) break;
    co_await context.look_for_client();
    auto text = progress(*searcher, selected);
    co_await context.give_sign_of_life(text);
    if (!searcher->is_held_up()) continue;
    if (wait.is_over()) searcher->stop_waiting();
    co_await wait.pause();
  }
  auto make_line = [&] {
    if (command.is_uid()) {
      for (auto& number : found) number = selected.uid_of(number).value();
    }
    return request.extended ? esearch_line(command.tag, command.is_uid(), request, found)
                            : search_line(found);
  };
  if (found.size() <= short_answer) {
    context.put(make_line());
  } else {
    auto line = co_await context.heavy_lane().offload([&] { return make_line(); });
    context.put(line);
  }
  co_return Reply::ok("Search completed.");
}

}  // namespace pennypost::imap
