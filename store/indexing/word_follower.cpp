#include "store/indexing/word_follower.h"

#include <algorithm>
#include <iterator>

#include "common/log/log.h"
#include "store/search/place.h"
#include "store/search/word_index.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::store {
namespace {

// How often it is looked whether something is due, a thread is free, or the process ends.
constexpr Duration look_pause{100};
// A lock that is held longer is tried again later.
constexpr int brief_lock_ms = 100;
// While deliveries are under way, a pause follows each step: so many times as long, but no longer
// than this.
constexpr int pause_per_step = 4;
constexpr Duration step_pause_max{500};
constexpr FolderCache::Limits cache_limits{100, 8 << 20};

}  // namespace

std::optional<NewMail> mail_to_follow(std::shared_ptr<const Config> config,
                                      const AccountRef& account, std::vector<std::string> folders) {
  if (folders.empty() || !config->imap_fts || !config->fts_autoindex) return std::nullopt;
  auto location = MailLocation::parse(account.mail_location, {account.name, account.home});
  bool is_maildir = location && location->format == MailLocation::Format::Maildir;
  if (!is_maildir || !has_words(words_directory(*location))) return std::nullopt;
  return NewMail{std::move(config), account, *std::move(location), std::move(folders)};
}

WordFollower::WordFollower(Loop& loop, Process process, Times times)
    : loop_(loop),
      process_(std::move(process)),
      times_(times),
      cache_(cache_limits),
      tasks_(loop) {}

void WordFollower::note(NewMail mail) {
  if (process_.is_leaving()) return;
  auto directory = words_directory(mail.location);
  auto now = loop_.now();
  auto known = std::ranges::find(waiting_, directory, &Waiting::directory);
  if (known != waiting_.end()) {
    add_folders(known->mail, mail.folders);
    // Never earlier than it was: the index may be locked.
    known->due = std::max(known->due, std::min(now + times_.quiet, known->since + times_.longest));
  } else if (waiting_.size() < accounts_waiting_max) {
    auto folders = std::exchange(mail.folders, {});
    add_folders(mail, folders);
    waiting_.push_back(
        {std::move(mail), std::move(directory), now, now + std::min(times_.quiet, times_.longest)});
  }
  if (is_working_) return;
  is_working_ = true;
  must_end_ = false;
  tasks_.start(work());
  tasks_.start(look_for_end());
}

void WordFollower::add_folders(NewMail& to, const std::vector<std::string>& folders) {
  for (const auto& folder : folders) {
    bool is_known = std::ranges::find(to.folders, folder) != to.folders.end();
    if (!is_known && to.folders.size() < mailboxes_waiting_max) to.folders.push_back(folder);
  }
}

Task<> WordFollower::work() {
  while (!waiting_.empty() && !must_end_) {
    auto next = std::ranges::min_element(waiting_, {}, &Waiting::due);
    auto left = std::chrono::ceil<Duration>(next->due - loop_.now());
    if (left > Duration::zero()) {
      co_await loop_.sleep(std::min(left, look_pause));
      continue;
    }
    auto waiting = std::move(*next);
    waiting_.erase(next);
    auto putting = put_in(std::move(waiting));
    co_await std::move(putting);
  }
  waiting_.clear();
  is_working_ = false;
}

// A step that is under way when the process is to end may be at a program for an attachment.
Task<> WordFollower::look_for_end() {
  while (is_working_ && !must_end_) {
    if (process_.is_leaving()) must_end_ = true;
    co_await loop_.sleep(look_pause);
  }
}

Task<> WordFollower::put_in(Waiting waiting) {
  auto stay = process_.stay();
  const auto& config = *waiting.mail.config;
  auto settings = store_settings(config, waiting.mail.account);
  settings.folder_cache = &cache_;
  settings.brief_lock_ms = brief_lock_ms;
  WordJob job(
      open_store(waiting.mail.location, std::move(settings)),
      {waiting.directory, config.fts_message_max_size, {config.fts_decoder, "local", &must_end_}});
  auto& folders = waiting.mail.folders;
  auto next = WordJob::Next::End;
  while (!folders.empty() && next == WordJob::Next::End && !must_end_) {
    auto name = job.store().parse_own_name(folders.front());
    if (name) {
      job.begin(*std::move(name), WordJob::IfNone::Leave);
      auto running = run(job, waiting);
      next = co_await std::move(running);
    }
    if (next == WordJob::Next::Retry && waiting.retries_left > 0) break;
    folders.erase(folders.begin());
    next = WordJob::Next::End;
  }
  co_await loop_.offload([&] { job.let_go(); });
  if (next != WordJob::Next::Retry || must_end_) co_return;
  // Mail that has come meanwhile waits under an entry of its own.
  --waiting.retries_left;
  waiting.due = loop_.now() + times_.retry;
  waiting_.push_back(std::move(waiting));
}

// Until the mailbox is put in, the index is found locked, or the process is to end.
Task<WordJob::Next> WordFollower::run(WordJob& job, const Waiting& waiting) {
  auto next = WordJob::Next::Step;
  while (next == WordJob::Next::Step && !must_end_) {
    if (!process_.can_spare_thread()) {
      co_await loop_.sleep(look_pause);
      continue;
    }
    auto began = std::chrono::steady_clock::now();
    auto after = co_await loop_.offload([&] { return job.step(); });
    next = after;
    auto took = std::chrono::ceil<Duration>(std::chrono::steady_clock::now() - began);
    if (job.failure() && next != WordJob::Next::Retry) note_failure(waiting, *job.failure());
    if (!job.failure() && next == WordJob::Next::End) told_.erase(waiting.directory);
    if (process_.is_leaving()) must_end_ = true;
    bool is_in_the_way = next == WordJob::Next::Step && process_.is_delivering();
    if (is_in_the_way) co_await loop_.sleep(std::min(took * pause_per_step, step_pause_max));
  }
  co_return next;
}

// The log has an error once, until the account's mail can be put in again.
void WordFollower::note_failure(const Waiting& waiting, const Error& failure) {
  if (failure.response_code() == ResponseCode::NonExistent) return;
  if (told_.size() >= accounts_waiting_max) told_.clear();
  if (!told_.insert(waiting.directory).second) return;
  log_warning("local", waiting.mail.account.name + ": words of " + waiting.mail.folders.front() +
                           ": " + failure.text());
}

}  // namespace pennypost::store
