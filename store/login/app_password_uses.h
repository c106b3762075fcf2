// Remembers when each app password was last used, and for what.
//
// The auth process of each daemon notes the uses and adds them to one file now and then; of two
// entries for the same password the younger holds. Nothing depends on it but what an admin is told.
//
// FILES   $data_directory/auth/app_passwords: account, name, seconds since 1970, service and client
//         address, separated by tabs
// LIMITS  uses_max entries; of more, the oldest are forgotten
// SEE ALSO  ../accounts/app_password.h, throttle_file.h (the directory)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace pennypost::store {

struct AppPasswordUse {
  std::int64_t when = 0;  ///< seconds since 1970
  std::string service;
  std::string client;
};

class AppPasswordUses {
 public:
  static constexpr std::size_t uses_max = 100'000;
  using Key = std::pair<std::string, std::string>;  // account and name
  using Entries = std::map<Key, AppPasswordUse>;

  void note(const std::string& account, const std::string& name, AppPasswordUse use) {
    entries_.insert_or_assign(Key(account, name), std::move(use));
  }
  bool empty() const { return entries_.empty(); }
  /// Hands over what was noted since.
  Entries take() { return std::exchange(entries_, {}); }

 private:
  Entries entries_;
};

/// Empty if there is no file. Malformed lines are skipped. Error: it can't be read.
Result<AppPasswordUses::Entries> load_app_password_uses(const std::string& directory);
/// Adds entries to the file. Blocks; errors: it can't be read or written.
Result<void> save_app_password_uses(const std::string& directory,
                                    const AppPasswordUses::Entries& added);

}  // namespace pennypost::store
