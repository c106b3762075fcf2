#include "imapd/command/word_indexing.h"

#include <algorithm>

#include "common/log/log.h"

namespace pennypost::imap {
namespace {

// How long more mail is waited for: what comes together is put in together.
constexpr Duration quiet_time{2'000};
constexpr Duration quiet_step{100};
// Searches go first, but no longer than that in one run of the work.
constexpr Duration give_way_max{10'000};
constexpr Duration give_way_step{10};

}  // namespace

WordIndexing* WordIndexing::of(const SessionContext& context) {
  auto& account = context.account();
  if (account.words_directory.empty() || !account.open_store) return nullptr;
  if (!account.words) account.words = std::make_unique<WordIndexing>(context);
  return static_cast<WordIndexing*>(account.words.get());
}

WordIndexing::WordIndexing(const SessionContext& context)
    : loop_(context.loop()),
      user_(context.who().user),
      settings_{context.account().words_directory,
                context.worker().config->fts_message_max_size,
                {context.worker().config->fts_decoder}},
      follows_new_mail_(context.worker().config->fts_autoindex),
      account_(context.account().weak_from_this()),
      changed_(loop_) {}

bool WordIndexing::is_wanted(const store::MailboxName& name) const {
  return std::ranges::find(wanted_, name, &Wanted::name) != wanted_.end();
}

void WordIndexing::want_one(const std::optional<store::MailboxName>& name, When when) {
  auto known = std::ranges::find_if(
      wanted_, [&](const Wanted& wanted) { return wanted.name == name && !wanted.has_begun; });
  if (known != wanted_.end()) {
    known->when = std::max(known->when, when);
  } else if (wanted_.size() < mailboxes_waiting_max) {
    wanted_.push_back({name, when});
  }
  if (is_working_) return;
  auto account = account_.lock();
  if (!account) return;
  is_working_ = true;
  account->start(work(account));
}

void WordIndexing::new_messages(const store::MailboxName& name) {
  if (follows_new_mail_) want(name, When::IfKept);
}

// `account` is kept, and with it this object.
Task<> WordIndexing::work(std::shared_ptr<Account> account) {
  auto can_wait = [](const Wanted& wanted) { return wanted.when == When::IfKept; };
  Duration waited{0};
  while (waited < quiet_time && std::ranges::all_of(wanted_, can_wait)) {
    co_await loop_.sleep(quiet_step);
    waited += quiet_step;
  }
  has_given_way_ = Duration{0};
  while (!wanted_.empty()) {
    auto store = account->open_store();
    if (!store) {
      wanted_.clear();
      break;
    }
    store::WordJob job(std::move(store), settings_);
    while (!wanted_.empty()) {
      auto putting = put_in(*account, job);
      co_await std::move(putting);
      wanted_.pop_front();
      changed_.notify_all();
    }
    auto lane = account->threads.lane(FairThreads::Work::Heavy);
    auto finished = co_await lane.offload([&] { return job.finish(); });
    if (!finished) log_warning("imap", finished.error().text());
  }
  is_working_ = false;
  changed_.notify_all();
}

Task<> WordIndexing::give_way(When when) {
  while (searches_ > 0 && when != When::Now && has_given_way_ < give_way_max) {
    co_await loop_.sleep(give_way_step);
    has_given_way_ += give_way_step;
  }
}

Task<> WordIndexing::put_in(Account& account, store::WordJob& job) {
  wanted_.front().has_begun = true;
  Wanted wanted = wanted_.front();
  job.begin(wanted.name, wanted.when == When::IfKept ? store::WordJob::IfNone::Leave
                                                     : store::WordJob::IfNone::Make);
  int retries_left = store::WordJob::retries_max;
  auto next = store::WordJob::Next::Step;
  while (next != store::WordJob::Next::End) {
    auto waiting = give_way(wanted_.front().when);
    co_await std::move(waiting);
    auto lane = account.threads.lane(FairThreads::Work::Heavy);
    auto after = co_await lane.offload([&] { return job.step(); });
    next = after;
    done_ = job.done();
    goal_ = job.wanted();
    changed_.notify_all();
    if (next == store::WordJob::Next::Retry && --retries_left > 0) {
      co_await loop_.sleep(store::WordJob::retry_pause);
      continue;
    }
    if (job.failure()) note_failure(*job.failure(), wanted);
    if (next != store::WordJob::Next::Retry) continue;
    co_await lane.offload([&] { job.let_go(); });
    next = store::WordJob::Next::End;
  }
}

void WordIndexing::note_failure(const Error& error, const Wanted& wanted) const {
  if (error.response_code() == ResponseCode::NonExistent) return;
  auto what = wanted.name ? wanted.name->text() : "mailboxes that are no more";
  log_warning("imap", user_ + ": words of " + what + ": " + error.text());
}

void want_words_of(const SessionContext& context, const store::MailboxName& name) {
  if (!context.worker().config->fts_autoindex) return;
  if (auto* indexing = WordIndexing::of(context)) {
    indexing->want(name, WordIndexing::When::IfKept);
  }
}

void forget_words_of_gone(const SessionContext& context) {
  if (auto* indexing = WordIndexing::of(context)) indexing->want_sweep();
}

}  // namespace pennypost::imap
