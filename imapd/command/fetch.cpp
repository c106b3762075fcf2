// FETCH and UID FETCH: sends what is asked of messages.
//
// STANDARDS  RFC 9051 sections 6.4.5 and 6.4.9, RFC 2180 section 4.1.2 (messages that are gone),
//            RFC 7162 (CHANGEDSINCE, VANISHED), RFC 9394 (PARTIAL)
#include <algorithm>

#include "imapd/command/event_scripts.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/fetch/fetch_producer.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"
#include "imapd/session/resync.h"

namespace pennypost::imap {
namespace {

// How much is read from disk before it is sent, so that many small messages take one trip to a
// thread.
constexpr std::size_t chunk_octets = 128 << 10;

bool names_modseq(const FetchRequest& request) {
  auto is_modseq = [](const FetchItem& item) { return item.kind == FetchItem::Kind::ModSeq; };
  return std::ranges::any_of(request.items, is_modseq);
}

FetchItem modseq_item() {
  FetchItem item;
  item.kind = FetchItem::Kind::ModSeq;
  item.name = "MODSEQ";
  return item;
}

// The part of `numbers` that PARTIAL asks for.
std::vector<NumberRange> within(const std::vector<NumberRange>& numbers,
                                const PartialResult& partial) {
  auto total = count(numbers);
  std::uint64_t last = std::min<std::uint64_t>(partial.last, total);
  std::uint64_t skipped = partial.from_end ? total - last : partial.first - 1;
  std::uint64_t left = partial.first > last ? 0 : last - partial.first + 1;
  std::vector<NumberRange> out;
  for (auto range : numbers) {
    auto length = std::uint64_t{range.last} - range.first + 1;
    auto passed = std::min(skipped, length);
    auto taken = std::min(left, length - passed);
    skipped -= passed;
    left -= taken;
    if (taken == 0) continue;
    auto first = static_cast<std::uint32_t>(range.first + passed);
    out.push_back({first, static_cast<std::uint32_t>(first + taken - 1)});
  }
  return out;
}

// Leaves of `numbers` the messages that have changed since, and tells first what is gone.
Task<> apply_changed_since(SessionContext& context, FetchRequest& request,
                           std::vector<NumberRange>& numbers) {
  auto& selected = *context.selected();
  store::ModSeq since(*request.changed_since);
  std::vector<NumberRange> gone;
  auto apply = [&] {
    auto last_uid = selected.mailbox().uid_next().value() - 1;
    if (request.tells_vanished) {
      gone = vanished_since(selected, request.messages.resolve(last_uid), since);
    }
    numbers = changed_since(selected, numbers, since);
  };
  co_await context.lane_for(selected.exists()).offload([&] { apply(); });
  if (!gone.empty()) context.put(vanished_line(gone, true));
  if (!names_modseq(request)) request.items.push_back(modseq_item());
}

}  // namespace

Task<Reply> fetch_numbers(SessionContext& context, const std::vector<NumberRange>& numbers,
                          const FetchRequest& request, bool with_uid) {
  auto& selected = *context.selected();
  FetchProducer producer(selected.mailbox(), selected.view(), numbers, request, with_uid,
                         context.reporting());
  std::string chunk;
  bool more = true;
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  while (more) {
    auto produced = co_await context.account().threads.offload(
        [&] { return producer.produce(chunk, chunk_octets); });
    if (more && chunk.size() >= chunk_octets / 2) {
      co_await context.write(chunk);
    } else {
      context.put(chunk);
      co_await context.send_if_much();
    }
    chunk.clear();
    if (!produced) {
      // The client waits for the rest of a literal that can't be read: only the end is left.
      context.end("A message broke off while it was sent");
      co_await context.connection().flush();
      co_return Reply(produced.error());
    }
    more = *produced;
    co_await context.look_for_client();
    if (!producer.is_held_up()) {
      wait.begin();
    } else if (wait.is_over()) {
      producer.stop_waiting();
    } else {
      co_await context.connection().flush();
      co_await wait.pause();
    }
  }
  if (const auto& failure = producer.failure()) co_return Reply(*failure);
  if (producer.missed() && !with_uid) {
    // RFC 2180 section 4.1.2, RFC 5530 section 3. RFC 9051 section 6.4.9: a UID that is not there
    // any more is no error.
    co_return Reply::no(ResponseCode::Expunged, "Some of the requested messages no longer exist.");
  }
  co_return Reply::ok("Fetch completed.");
}

Task<Reply> fetch(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_fetch(command.arguments, context.limits()));
  if (request.tells_vanished && (!command.is_uid() || !context.reporting().vanished)) {
    co_return Reply::bad("VANISHED goes with UID FETCH only, and after ENABLE QRESYNC");
  }
  if (request.partial && !command.is_uid()) {
    co_return Reply::bad("PARTIAL goes with UID FETCH only");
  }
  // RFC 7162 section 3.1: whoever asks for mod-sequences is told them from now on.
  if (request.changed_since || names_modseq(request)) context.enable_condstore();
  CO_TRY(auto numbers, context.selected()->numbers(request.messages, command.is_uid()));
  if (request.partial) numbers = within(numbers, *request.partial);
  if (request.changed_since) {
    auto applying = apply_changed_since(context, request, numbers);
    co_await std::move(applying);
  }
  bool marks_seen = std::ranges::any_of(request.items, &FetchItem::marks_seen);
  auto& mailbox = context.selected()->mailbox();
  std::vector<store::Uid> marked;
  if (marks_seen) marked = context.selected()->uids(numbers);
  FlagsBefore flags_before(context, mailbox, marked);
  auto fetching = fetch_numbers(context, numbers, request, command.is_uid());
  auto reply = co_await std::move(fetching);
  context.selected()->note_told_flags(marked);
  auto running = run_event_scripts(context, flags_before.event(mailbox));
  co_await std::move(running);
  co_return reply;
}

}  // namespace pennypost::imap
