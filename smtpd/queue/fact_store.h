// Remembers small facts over restarts, each until it expires: which strangers have passed their
// tests, what the verification of addresses has found, how much users have sent.
//
//   DIRECTORY/remembered    a database of its own beside the queue's, never synced
//
// Nothing depends on it: what is lost is found out again. It may be removed while the queue process
// does not run. A database that is damaged is made anew; while none can be opened, the latest facts
// are known nonetheless, up to unwritten_max.
//
// Keys begin with a letter and a slash, which say whose they are: `c/192.0.2.7`.
//
// LIMITS     entries_max, unwritten_max; when full, new keys are not kept until others have expired
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/clock.h"
#include "store/kv/database.h"

namespace pennypost::smtp {

class FactStore {
 public:
  struct Limits {
    std::size_t entries_max = 1'000'000;
    std::size_t unwritten_max = 10'000;
    std::chrono::minutes purge_round{30};
  };

  /// Opens the database in the background, which is made if there is none; one that a predecessor
  /// still holds is waited for.
  FactStore(Loop& loop, std::filesystem::path directory, const Clock& clock);
  FactStore(Loop& loop, std::filesystem::path directory, const Clock& clock, Limits limits);
  ~FactStore();
  FactStore(const FactStore&) = delete;
  FactStore& operator=(const FactStore&) = delete;

  /// The value of a key that has not expired; nothing if there is none, or if it can't be read now.
  Task<std::optional<std::string>> find(std::string key);
  /// Keeps a value until a time in seconds since 1970. It is known at once and written soon.
  void keep(std::string key, std::string value, std::int64_t until);
  /// All that is kept under keys with this beginning. Waits until the database is open, or can't
  /// be.
  Task<std::vector<std::pair<std::string, std::string>>> all(std::string prefix);
  /// Returns when all that was kept is in the database, or can't be written.
  Task<> settle();
  /// Removes what has expired.
  Task<> purge();
  /// Cancels all work; for the end of the process.
  void end() { tasks_.cancel(); }

 private:
  struct Entry {
    std::string value;
    std::int64_t until = 0;
  };
  Task<> run();
  Task<> open();
  Task<> write();
  Task<> purge_forever();

  Loop& loop_;
  std::filesystem::path directory_;
  const Clock& clock_;
  Limits limits_;
  std::shared_ptr<store::Database> database_;  // null until it is open
  bool is_opened_ = false;                     // or can't be
  std::size_t entries_ = 0;                    // at most; counted anew at each purge
  std::map<std::string, Entry> unwritten_;
  std::map<std::string, Entry> writing_;
  Event changed_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
