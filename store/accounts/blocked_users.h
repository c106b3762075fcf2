// Says which users are blocked: what `pennypost user block` writes, and what it means.
//
// blocked_users_map has account names as keys, of own users (alice@example.org) and system users
// (bob) alike:
//   alice@example.org   submission 1764445000 password was stolen
// The first word says what is refused: `submission` (sending mail), or `logins` (that and any
// login); then the time in seconds since 1970, and the reason. An entry of an admin's own with
// another text refuses submission.
//
// SEE ALSO  kept_table.h (how a change is made), ../../smtpd/policy/outgoing_messages.h (who asks)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/maps/map.h"

namespace pennypost::store {

inline constexpr std::size_t block_reason_bytes_max = 200;

struct Block {
  bool refuses_logins = false;
  std::int64_t since = 0;  ///< seconds since 1970; 0: unknown
  std::string reason;      ///< of one line; may be empty

  static Block parse(std::string_view value);
  std::string text() const;
};

/// Looks users up. May be used by several threads.
class BlockedUsers {
 public:
  /// Error: the table's reference is wrong. A table that does not exist yet is empty.
  static Result<BlockedUsers> open(const Config& config, const MapOptions& options);
  /// Error (temporary): unknown at the moment.
  Result<std::optional<Block>> find(std::string_view account) const;

 private:
  std::shared_ptr<const Map> map_;
};

/// Changes the table.
class BlockList {
 public:
  /// Error: blocked_users_map is no hash: table.
  static Result<BlockList> open(const Config& config);

  /// Blocks a user, also anew with another reason. Errors are temporary: a file can't be read or
  /// written.
  Result<void> block(const std::string& account, const Block& block) const;
  /// Error 550: the user is not blocked.
  Result<void> unblock(const std::string& account) const;
  struct Entry {
    std::string account;
    Block block;
  };
  /// In the order of their names.
  Result<std::vector<Entry>> list() const;

 private:
  std::string file_;
};

}  // namespace pennypost::store
