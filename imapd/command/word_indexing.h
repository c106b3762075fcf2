// Puts an account's mail into its index of words, in the background, one mailbox after another.
//
// All sessions of an account are in one worker, and share one of these. It works in steps, on the
// account's threads behind whatever its sessions ask for, with a store and a mailbox of its own,
// and goes on when the session that wanted it has ended. A mailbox is put in when it is searched,
// whether the index is there or not; and where it is there, also when it is selected and when
// messages come (fts_autoindex). A search does not wait for it, unless it asks for FUZZY; until
// then it waits for searches to end, which need all processors for a moment. When a mailbox was
// removed or renamed, what is of no mailbox any more is taken out. Other users' mailboxes are
// searched without an index. While `pennypost fts` or a delivery writes the index, it waits.
//
// LIMITS     mailboxes_waiting_max; fts_message_max_size
// SEE ALSO   store/indexing/word_job.h (a step), store/indexing/word_follower.h (deliveries),
//            ../search/narrowing.h (who reads the index)
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "common/async/loop.h"
#include "common/async/task.h"
#include "imapd/session/account.h"
#include "imapd/session/context.h"
#include "store/indexing/word_job.h"

namespace pennypost::imap {

/// Further ones are not put in before they are searched again.
inline constexpr std::size_t mailboxes_waiting_max = 1000;

class WordIndexing final : public WordKeeper {
 public:
  /// Of the session's account, made if need be; null if it has no index.
  static WordIndexing* of(const SessionContext& context);

  explicit WordIndexing(const SessionContext& context);

  enum class When {
    /// After a while, and only if there is an index.
    IfKept,
    Soon,
    Now,
  };
  void want(const store::MailboxName& name, When when) { want_one(name, when); }
  /// Mailboxes were removed or renamed.
  void want_sweep() { want_one(std::nullopt, When::IfKept); }
  void new_messages(const store::MailboxName& name) override;
  /// Whether it is still to be put in.
  bool is_wanted(const store::MailboxName& name) const;
  /// Waits for the next step.
  Event::Wait progress() { return changed_.wait(); }
  /// How far it is with the mailbox that is put in now.
  std::uint64_t done() const { return done_; }
  std::uint64_t goal() const { return goal_; }

  /// As long as there is one, the work gives way, for some seconds in all; null: nothing is to give
  /// way.
  class Search {
   public:
    explicit Search(WordIndexing* indexing) : indexing_(indexing) {
      if (indexing_ != nullptr) ++indexing_->searches_;
    }
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    ~Search() {
      if (indexing_ != nullptr) --indexing_->searches_;
    }

   private:
    WordIndexing* indexing_;
  };

 private:
  struct Wanted {
    std::optional<store::MailboxName> name;  // nothing: look which mailboxes are no more
    When when;
    bool has_begun = false;  // what comes now is not seen any more
  };
  void want_one(const std::optional<store::MailboxName>& name, When when);
  Task<> work(std::shared_ptr<Account> account);
  Task<> put_in(Account& account, store::WordJob& job);
  Task<> give_way(When when);
  void note_failure(const Error& error, const Wanted& wanted) const;

  Loop& loop_;
  std::string user_;
  store::WordJob::Settings settings_;
  bool follows_new_mail_;
  std::weak_ptr<Account> account_;
  std::list<Wanted> wanted_;  // the first is worked on
  bool is_working_ = false;
  int searches_ = 0;
  Duration has_given_way_{0};
  std::uint64_t done_ = 0;
  std::uint64_t goal_ = 0;
  Event changed_;
};

/// A mailbox was selected: whatever is new in it is put into the index, if there is one.
void want_words_of(const SessionContext& context, const store::MailboxName& name);

/// A mailbox was removed or renamed: what is in the index of no mailbox any more is taken out.
void forget_words_of_gone(const SessionContext& context);

}  // namespace pennypost::imap
