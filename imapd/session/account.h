// What the sessions of one account share in their worker, so that all of them together take no more
// than is due to one account: its part of the threads, and what APPEND holds of messages to come.
//
// All sessions of an account are in one worker (store/login/handover.h): what is counted here is
// counted for the account as a whole, however many shards there are.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/async/fair_threads.h"

namespace pennypost::imap {

class Accounts;

class Account {
 public:
  Account(Accounts& accounts, std::string name);
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;
  ~Account();

  /// Where all that blocks or takes long is run.
  FairThreads::Party threads;
  /// Octets of messages in files that APPEND is filling, as they were announced.
  std::uint64_t spooled_octets = 0;
  /// imap_auto_create_special has been seen to.
  bool has_special_folders = false;

 private:
  Accounts& accounts_;
  std::string name_;
};

/// The accounts with sessions in this process; outlives them.
class Accounts {
 public:
  /// `threads` and `share` as FairThreads has them (io_threads, imap_account_threads_max).
  Accounts(Loop& loop, std::size_t threads, std::size_t share) : threads_(loop, threads, share) {}

  /// The one of that name, for as long as somebody keeps it.
  std::shared_ptr<Account> open(const std::string& name);

 private:
  friend class Account;
  FairThreads threads_;
  std::map<std::string, std::weak_ptr<Account>> open_;
};

}  // namespace pennypost::imap
