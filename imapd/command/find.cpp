#include "imapd/command/find.h"

#include <algorithm>
#include <chrono>

#include "common/async/shared_work.h"
#include "common/log/log.h"
#include "imapd/command/shared.h"
#include "imapd/command/word_indexing.h"
#include "imapd/response/untagged.h"
#include "imapd/search/searcher.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

// What takes a thread for less is followed by more of the same on that thread, since the way to it
// and back may take longer where all processors are busy.
constexpr std::chrono::milliseconds short_step{3};
// An answer with more numbers is made on a thread, not in the event loop.
constexpr std::size_t short_answer = 10'000;

std::string progress(std::uint64_t done, std::uint64_t goal) {
  auto percent = done * 100 / std::max<std::uint64_t>(goal, 1);
  return "Searched " + std::to_string(percent) + "% of the mailbox.";
}

// Of what was found, that which the answer names: RFC 5182 section 2.4, RFC 9394 section 3.2.
std::vector<std::uint32_t> named(const SearchRequest& request,
                                 std::span<const std::uint32_t> numbers) {
  std::vector<std::uint32_t> out;
  bool names_some = request.return_min || request.return_max || request.return_partial;
  if (!names_some || request.return_all || request.return_count || numbers.empty()) {
    return {numbers.begin(), numbers.end()};
  }
  if (request.return_min) out.push_back(numbers.front());
  if (request.return_max) out.push_back(numbers.back());
  if (request.return_partial) {
    auto part = part_of(numbers, *request.return_partial);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

// Asks the index of words; false: not all of the mailbox is in it.
bool narrow(Searcher& searcher, const SessionContext& context, const store::Mailbox& mailbox) {
  auto narrowing = Narrowing::make(context.account().words_directory, mailbox, searcher.needles());
  if (!narrowing) {
    log_warning("imap", context.who().user + ": " + narrowing.error().text());
    return false;
  }
  bool is_whole = narrowing->size() == mailbox.messages().size();
  searcher.narrow(*std::move(narrowing));
  return is_whole;
}

// On two threads, if there is more than one message to be read.
Task<> read_gathered(SessionContext& context, Searcher& searcher) {
  auto read = [&] { searcher.read(); };
  if (searcher.unread() > 1) {
    auto& threads = context.account().threads;
    auto reading = share_work(context.loop(), threads, FairThreads::Place::First, read);
    co_await std::move(reading);
  } else {
    auto lane = context.heavy_lane(FairThreads::Place::First);
    co_await lane.offload([&] { read(); });
  }
}

// The scores by message number.
std::vector<std::uint8_t> by_number(std::span<const std::uint32_t> numbers,
                                    std::span<const std::uint8_t> scores) {
  if (scores.empty()) return {};
  std::vector<std::uint8_t> out(numbers.back() + 1, 0);
  for (std::size_t i = 0; i < numbers.size(); ++i) out[numbers[i]] = scores[i];
  return out;
}

// FUZZY is answered by the index alone: all messages must be in it.
Task<> put_into_index(SessionContext& context, WordIndexing& indexing,
                      const store::MailboxName& name) {
  indexing.want(name, WordIndexing::When::Now);
  while (indexing.is_wanted(name)) {
    co_await indexing.progress();
    co_await context.look_for_client();
    co_await context.give_sign_of_life("Reading the mailbox.", indexing.done(), indexing.goal());
  }
}

}  // namespace

Result<void> check_search(const SessionContext& context, const SearchRequest& request) {
  if (request.refusal) return *request.refusal;
  if (request.uses_numbers && context.reporting().uid_only) return uid_required();
  // RFC 6855 section 3: all text is in UTF-8.
  if (request.names_charset && context.has_utf8()) {
    return Error(501, "No CHARSET after ENABLE UTF8=ACCEPT");
  }
  return {};
}

Task<Result<std::vector<std::uint32_t>>> find_messages(SessionContext& context,
                                                       const SearchRequest& request,
                                                       SearchFindings* findings) {
  CO_TRY_DO(check_search(context, request));
  auto finding = find_messages_in(context, *context.selected(), request, findings);
  co_return co_await std::move(finding);
}

Task<Result<std::vector<std::uint32_t>>> find_messages_in(SessionContext& context,
                                                          Selected& selected,
                                                          const SearchRequest& request,
                                                          SearchFindings* findings) {
  if (request.asks_modseq) context.enable_condstore();
  if (request.uses_numbers) context.keep_expunges_back();
  auto* indexing = WordIndexing::of(context);
  auto name = selected.mailbox().name();
  if (request.has_fuzzy && indexing != nullptr) {
    auto reading = put_into_index(context, *indexing, name);
    co_await std::move(reading);
  }
  WordIndexing::Search under_way(indexing);
  std::optional<Searcher> searcher;
  bool is_indexed = true;
  std::vector<std::uint32_t> found;
  auto step = [&]() -> Result<bool> {
    if (!searcher) {
      auto now = context.worker().clock.now_seconds();
      TRY(auto made, Searcher::make(selected, selected.mailbox(), request, now));
      searcher.emplace(std::move(made));
      if (indexing != nullptr && !searcher->needles().empty()) {
        is_indexed = narrow(*searcher, context, selected.mailbox());
      }
    }
    auto end = std::chrono::steady_clock::now() + short_step;
    bool has_more = false;
    do {
      has_more = searcher->gather(messages_at_once, octets_at_once, found);
    } while (has_more && searcher->unread() == 0 && !searcher->is_held_up() &&
             std::chrono::steady_clock::now() < end);
    return has_more;
  };
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  std::size_t decided = 0;
  for (bool more = true; more;) {
    // A message that has been begun is finished first, so that no more messages are in memory than
    // are searched at a time.
    bool goes_on = searcher && searcher->is_within_message();
    auto lane = context.heavy_lane(goes_on ? FairThreads::Place::First : FairThreads::Place::Last);
    CO_TRY(more, co_await lane.offload([&] { return step(); }));
    if (!more) break;
    if (!searcher->is_held_up() && searcher->unread() > 0) {
      auto reading = read_gathered(context, *searcher);
      co_await std::move(reading);
    }
    co_await context.look_for_client();
    std::uint64_t done = searcher->looked_at();
    auto text = progress(done, selected.exists());
    co_await context.give_sign_of_life(text, done, selected.exists());
    // Steps that read take turns with those that find out that they could not.
    if (searcher->decided() > decided) wait.begin();
    decided = searcher->decided();
    if (!searcher->is_held_up()) continue;
    if (wait.is_over()) co_return *searcher->held_up_by();
    co_await wait.pause();
  }
  if (const auto& failure = searcher->failure()) context.log_failure(Reply(*failure));
  if (!is_indexed) indexing->want(name, WordIndexing::When::Soon);
  if (findings != nullptr) {
    *findings = {by_number(found, searcher->scores()), searcher->has_missed()};
  }
  co_return found;
}

std::optional<store::ModSeq> modseq_of_answer(Selected& selected, const SearchRequest& request,
                                              std::span<const std::uint32_t> numbers) {
  if (!request.asks_modseq || numbers.empty()) return std::nullopt;
  std::optional<store::ModSeq> greatest;
  for (auto number : named(request, numbers)) {
    const auto* message = selected.mailbox().find(selected.uid_of(number));
    if (message != nullptr && (!greatest || *greatest < message->modseq)) {
      greatest = message->modseq;
    }
  }
  return greatest;
}

std::vector<std::uint8_t> scores_of(const SearchRequest& request,
                                    std::span<const std::uint32_t> numbers,
                                    const std::vector<std::uint8_t>& scores) {
  std::vector<std::uint8_t> out;
  auto told = request.return_partial ? part_of(numbers, *request.return_partial) : numbers;
  for (auto number : told) out.push_back(number < scores.size() ? scores[number] : 100);
  return out;
}

Reply search_done(const CommandHead& command, std::string_view text,
                  const SearchFindings& findings) {
  std::string done(text);
  if (!findings.has_missed || command.is_uid()) return Reply::ok(done + '.');
  return Reply::ok("[EXPUNGEISSUED] " + done + "; some of the messages no longer exist.");
}

Reply search_failed(Selected& selected, const SearchRequest& request, const Error& error) {
  Reply reply(error);
  if (request.return_save && reply.status() == Reply::Status::No) selected.save_result({});
  return reply;
}

void save_found(Selected& selected, const SearchRequest& request,
                std::span<const std::uint32_t> found) {
  auto numbers = named(request, found);
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  selected.save_result(selected.uids(numbers));
}

Task<> tell_found(SessionContext& context, const CommandHead& command, std::string_view name,
                  const SearchRequest& request, std::vector<std::uint32_t> numbers,
                  const std::vector<std::uint8_t>& scores) {
  auto& selected = *context.selected();
  auto make_line = [&]() -> std::string {
    std::vector<std::uint8_t> told_scores;
    if (request.return_relevancy) told_scores = scores_of(request, numbers, scores);
    auto modseq = modseq_of_answer(selected, request, numbers);
    if (request.return_save) save_found(selected, request, numbers);
    if (command.is_uid()) {
      for (auto& number : numbers) number = selected.uid_of(number).value();
    }
    if (!request.extended) return search_line(name, numbers, modseq);
    // RFC 5182 section 2.1: what is only kept is not told. With UPDATE the client learns of the tag
    // under which news will come (RFC 5267 section 4.3).
    bool is_told = request.return_min || request.return_max || request.return_all ||
                   request.return_count || request.return_partial || request.return_relevancy ||
                   request.return_update;
    if (!is_told) return "";
    return esearch_line(command.tag, command.is_uid(), request, numbers, modseq, told_scores);
  };
  if (numbers.size() <= short_answer) {
    context.put(make_line());
  } else {
    auto line = co_await context.heavy_lane().offload([&] { return make_line(); });
    auto sending = context.send(line);
    co_await std::move(sending);
  }
}

}  // namespace pennypost::imap
