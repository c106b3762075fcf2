#include "imapd/command/word_indexing.h"

#include <algorithm>

#include "common/log/log.h"
#include "imapd/command/find.h"
#include "store/indexing/folder_indexer.h"
#include "store/indexing/word_sweep.h"
#include "store/search/word_index.h"

namespace pennypost::imap {
namespace {

// How long more mail is waited for: what comes together is put in together.
constexpr Duration quiet_time{2'000};
constexpr Duration quiet_step{100};
// An index that has got so many messages at once is written anew, smaller.
constexpr std::size_t many_messages = 2'000;
// An index or a mailbox that another program has locked is tried again so often.
constexpr int busy_tries_max = 120;
constexpr Duration busy_pause{500};

}  // namespace

// What a run of the work has open; used by one thread at a time.
struct WordIndexing::Job {
  std::unique_ptr<store::MailStore> store;
  std::unique_ptr<store::WordWriter> writer;
  std::unique_ptr<store::Mailbox> mailbox;
  std::optional<store::FolderIndexer> indexer;
  std::optional<store::WordSweep> sweep;
  std::size_t put_in = 0;

  void close_mailbox() {
    if (indexer) put_in += indexer->done();
    indexer.reset();
    mailbox.reset();
    sweep.reset();
  }
  void close(const std::string& directory) {
    close_mailbox();
    writer.reset();
    if (put_in < many_messages) return;
    auto done = store::optimize_words(directory);
    bool is_busy = !done && done.error().response_code() == ResponseCode::InUse;
    if (!done && !is_busy) log_warning("imap", done.error().text());
  }
};

WordIndexing* WordIndexing::of(const SessionContext& context) {
  auto& account = context.account();
  if (account.words_directory.empty() || !account.open_store) return nullptr;
  if (!account.words) account.words = std::make_unique<WordIndexing>(context);
  return static_cast<WordIndexing*>(account.words.get());
}

WordIndexing::WordIndexing(const SessionContext& context)
    : loop_(context.loop()),
      user_(context.who().user),
      directory_(context.account().words_directory),
      octets_max_(context.worker().config->fts_message_max_size),
      decoder_(context.worker().config->fts_decoder),
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
  do {
    Job job;
    job.store = account->open_store();
    while (job.store && !wanted_.empty()) {
      auto putting = put_in(*account, job);
      co_await std::move(putting);
      wanted_.pop_front();
      changed_.notify_all();
    }
    auto lane = account->threads.lane(FairThreads::Work::Heavy);
    co_await lane.offload([&] { job.close(directory_); });
    if (!job.store) wanted_.clear();
  } while (!wanted_.empty());
  is_working_ = false;
  changed_.notify_all();
}

Task<> WordIndexing::put_in(Account& account, Job& job) {
  wanted_.front().has_begun = true;
  Wanted wanted = wanted_.front();
  bool may_try_again = true;
  int tries_left = busy_tries_max;
  for (bool more = true; more;) {
    auto lane = account.threads.lane(FairThreads::Work::Heavy);
    auto result = co_await lane.offload([&] { return step(job, wanted); });
    more = result && *result;
    done_ = job.indexer ? job.indexer->done() : 0;
    goal_ = job.indexer ? job.indexer->wanted() : 0;
    changed_.notify_all();
    if (result) continue;
    bool is_busy = result.error().response_code() == ResponseCode::InUse;
    if (is_busy && --tries_left > 0) {
      co_await loop_.sleep(busy_pause);
      more = true;
      continue;
    }
    bool is_damaged = result.error().response_code() == ResponseCode::Corruption;
    note_failure(result.error(), wanted);
    auto drop = [&] {
      job.close_mailbox();
      job.writer.reset();
      if (is_damaged) store::discard_words(directory_);
    };
    co_await lane.offload([&] { drop(); });
    more = is_damaged && std::exchange(may_try_again, false);
  }
}

Result<bool> WordIndexing::step(Job& job, const Wanted& wanted) const {
  if (wanted.name && store::is_others_mailbox(*job.store, *wanted.name)) return false;
  // Somebody may have removed the index since the mailbox before.
  bool has_begun = job.indexer || job.sweep;
  if (!has_begun && !store::has_words(directory_)) job.writer.reset();
  if (!job.writer) {
    if (wanted.when == When::IfKept && !store::has_words(directory_)) return false;
    TRY(job.writer, store::WordWriter::open(directory_));
  }
  if (!wanted.name) return sweep_step(job);
  if (!job.indexer) {
    TRY(job.mailbox, job.store->open(*wanted.name, store::Access::ReadOnly));
    job.indexer.emplace(*job.mailbox, *job.writer, octets_max_, decoder_);
  }
  TRY(auto more, job.indexer->run(octets_at_once));
  if (!more) job.close_mailbox();
  return more;
}

Result<bool> WordIndexing::sweep_step(Job& job) const {
  if (!job.sweep) job.sweep.emplace(*job.store, *job.writer);
  TRY(auto more, job.sweep->step());
  if (!more) job.sweep.reset();
  return more;
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
