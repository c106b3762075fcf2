// Puts delivered mail into the indexes of words of the accounts that have one, behind the
// deliveries.
//
// A deliver process has one. It waits until no more mail has come for an account for a while, so
// that what comes together is put in together, but not for ever; then puts in what is new in the
// mailboxes, one account at a time, in short steps on one thread of offload(), and only while
// deliveries leave a thread free beside that one. imapd does the same for the mailboxes that its
// sessions see, and may be at it just now: who finds the index locked comes again, for a minute,
// and who comes second finds nothing missing.
//
// A delivery never waits for the index, nor fails because of it. What is left out, since too much
// waits, the process ends or there is an error, is put in when imapd opens the mailbox, or with the
// next mail. The mailbox is opened as a reader: new messages get their UIDs, but stay recent and in
// new/. An mbox is left to imapd: it would have to be locked, which deliveries would wait for.
//
// LIMITS     accounts_waiting_max, mailboxes_waiting_max; fts_message_max_size
// SEE ALSO   word_job.h (a step), ../../smtpd/process/deliver.cpp (the process)
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/async/nursery.h"
#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/indexing/word_job.h"
#include "store/mailbox/location.h"
#include "store/maildir/folder_cache.h"

namespace pennypost::store {

/// Mail of further accounts, and in further mailboxes of one account, is not followed.
inline constexpr std::size_t accounts_waiting_max = 1000;
inline constexpr std::size_t mailboxes_waiting_max = 32;

/// Mail that was delivered to an account that has an index.
struct NewMail {
  std::shared_ptr<const Config> config;
  AccountRef account;
  MailLocation location;
  std::vector<std::string> folders;  // as Placement::folder names them
};

/// Nothing if the account's index does not follow its mail: it has none, the settings say no, or it
/// is an mbox. Blocks: use offload.
std::optional<NewMail> mail_to_follow(std::shared_ptr<const Config> config,
                                      const AccountRef& account, std::vector<std::string> folders);

class WordFollower {
 public:
  /// What it must know of the process in which it works.
  struct Process {
    /// Whether a thread of offload() can be spared.
    std::function<bool()> can_spare_thread;
    /// Whether a delivery is under way: then most of the time is left to deliveries.
    std::function<bool()> is_delivering;
    /// Whether it is about to end.
    std::function<bool()> is_leaving;
    /// It does not end of idleness while what this returns exists.
    std::function<std::shared_ptr<void>()> stay;
  };
  struct Times {
    Duration quiet{2'000};     // so long no mail must have come for an account
    Duration longest{30'000};  // but nothing waits longer than this
    Duration retry = WordJob::retry_pause;
  };
  WordFollower(Loop& loop, Process process) : WordFollower(loop, std::move(process), Times()) {}
  WordFollower(Loop& loop, Process process, Times times);

  void note(NewMail mail);
  /// Nothing waits, and nothing is put in.
  bool is_idle() const { return !is_working_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    NewMail mail;
    std::string directory;  // of the index
    SteadyTime since;
    SteadyTime due;
    int retries_left = WordJob::retries_max;
  };
  static void add_folders(NewMail& to, const std::vector<std::string>& folders);
  Task<> work();
  Task<> look_for_end();
  Task<> put_in(Waiting waiting);
  Task<WordJob::Next> run(WordJob& job, const Waiting& waiting);
  void note_failure(const Waiting& waiting, const Error& failure);

  Loop& loop_;
  Process process_;
  Times times_;
  // Of a mailbox that gets much mail only what is new is read again.
  FolderCache cache_;
  std::list<Waiting> waiting_;
  bool is_working_ = false;
  std::atomic<bool> must_end_ = false;
  std::set<std::string> told_;  // whose errors are in the log, by the index's directory
  Nursery tasks_;
};

}  // namespace pennypost::store
