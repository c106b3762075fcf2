// Counts what the sessions of one account use together, so that they get no more than one account's
// share: of the threads, and of the space for messages that APPEND is taking in.
//
// All sessions of an account are in one worker (store/login/handover.h), so what is counted here
// holds for the account as a whole, however many shards there are.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/async/fair_threads.h"
#include "common/async/nursery.h"
#include "imapd/session/account_news.h"
#include "imapd/session/kept_orders.h"
#include "imapd/session/word_keeper.h"

namespace pennypost::imap {

class Accounts;

class Account : public std::enable_shared_from_this<Account> {
 public:
  Account(Accounts& accounts, std::string name);
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;
  ~Account();

  /// The threads for everything that blocks or takes long.
  FairThreads::Party threads;
  /// Octets of the messages that APPEND is writing to files, as announced.
  std::uint64_t spooled_octets = 0;
  /// Where a session tells the others what it has done.
  AccountBoard board;
  /// The work of imap_auto_create_special is done.
  bool has_special_folders = false;
  /// What SORT and THREAD have found before.
  KeptOrders orders;
  /// Where its index of words is; empty: it has none.
  std::string words_directory;
  /// Makes a store for work that is no session's; null if it can't.
  std::function<std::unique_ptr<store::MailStore>()> open_store;
  /// Who keeps the index of words up to date; null: nobody yet.
  std::unique_ptr<WordKeeper> words;

  /// Runs a task in the background. It holds the account for as long as it runs, and is cancelled
  /// at the end of the process.
  void start(Task<> task);

 private:
  Accounts& accounts_;
  std::string name_;
};

/// The accounts with sessions in this process; outlives them.
class Accounts {
 public:
  /// `threads` and `share` as FairThreads has them (io_threads, imap_account_threads_max).
  Accounts(Loop& loop, std::size_t threads, std::size_t share)
      : threads_(loop, threads, share), background_(loop) {}

  /// The account of that name; all who hold it at a time hold the same.
  std::shared_ptr<Account> open(const std::string& name);

 private:
  friend class Account;
  FairThreads threads_;
  std::map<std::string, std::weak_ptr<Account>> open_;
  // The first to go: its tasks hold accounts.
  Nursery background_;
};

}  // namespace pennypost::imap
