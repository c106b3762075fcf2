// Keeps a user's Sieve scripts, one of which may be active: the one that is run at delivery.
//
// The setting `sieve` says where: `file:~/sieve;active=~/.dovecot.sieve`. The script NAME is the
// file NAME.sieve of the directory, and the active one is what the symbolic link leads to, as
// Pigeonhole has it: both programs may take turns. If the link is a file instead, that file is the
// active script; it has no name until another script is made active, which first moves it into the
// directory as dovecot.orig.sieve. With `file:PATH` alone there is one script at PATH, and no
// store.
//
// Scripts are written beside, synced and renamed, so that a reader sees the old one or the new one.
// Changes by several processes wait for each other (a lock on the directory).
//
// Runs with the account's own uid. Blocks: use offload.
//
// LIMITS     script_names_max, script_name_characters_max, sieve_max_script_size,
//            sieve_quota_max_scripts, sieve_quota_max_storage
// STANDARDS  RFC 5804 section 1.6 (names), sections 2.5 to 2.11.1 (what a store can do)
// SEE ALSO   checker.h (what put() asks)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limit.h"
#include "common/base/result.h"
#include "store/mailbox/location.h"
#include "store/sieve/extensions.h"
#include "store/sieve/mistake.h"

namespace pennypost::store::sieve {

inline constexpr std::size_t script_names_max = 1000;           // in one store
inline constexpr std::size_t script_name_characters_max = 128;  // RFC 5804 section 1.6
inline constexpr std::size_t script_name_bytes_max = 240;       // so that a file can have the name

/// Where the scripts of one user are.
struct ScriptPlace {
  std::string directory;  // empty: there is only the active script
  std::string active;     // the link, or the one script

  /// The setting `sieve` for a user; nothing if it is empty: users have no scripts. Error 550: what
  /// is wrong with the setting.
  static Result<std::optional<ScriptPlace>> parse(std::string_view setting,
                                                  const LocationUser& user);
};

struct ScriptLimits {
  std::uint64_t script_bytes = 1 << 20;
  Limit scripts;  // never more than script_names_max
  Limit storage;  // bytes of all scripts
  /// What a script may require.
  Extensions offered = usual_extensions();
};

struct StoredScript {
  std::string name;
  bool is_active = false;
  std::uint64_t bytes = 0;
};

/// RFC 5804 section 1.6: UTF-8 without control characters and line separators; here also without
/// `/`, and not beginning with a dot. Error 550 Cannot: what is wrong.
Result<void> check_script_name(std::string_view name);

class ScriptStore {
 public:
  ScriptStore(ScriptPlace place, ScriptLimits limits) : place_(std::move(place)), limits_(limits) {}

  const Extensions& offered() const { return limits_.offered; }

  /// In the order of their names.
  Result<std::vector<StoredScript>> list() const;
  /// Error 550 NonExistent.
  Result<std::string> read(std::string_view name) const;
  /// The name of the active script; nothing if there is none, or if it is a file without a name.
  Result<std::optional<std::string>> active() const;
  /// Whether a script of that size would be taken now. Error 550: Limit for too many scripts,
  /// OverQuota for too many bytes.
  Result<void> check_room(std::string_view name, std::uint64_t bytes) const;

  /// Stores a script, in place of one of that name. If it has mistakes they are returned, and
  /// nothing is stored. Errors as check_room() and check_script_name().
  Result<Mistakes> put(std::string_view name, std::string_view text) const;
  /// An empty name: no script is active any more. Error 550 NonExistent, or Corruption if the
  /// script has mistakes.
  Result<void> activate(std::string_view name) const;
  /// Error 550 NonExistent, or InUse for the active script.
  Result<void> remove(std::string_view name) const;
  /// The active script stays active. Error 550 NonExistent, AlreadyExists.
  Result<void> rename(std::string_view from, std::string_view to) const;

 private:
  std::string path(std::string_view name) const;
  Result<void> require_directory() const;
  Result<void> link_to(std::string_view name) const;
  Result<void> keep_unnamed() const;

  ScriptPlace place_;
  ScriptLimits limits_;
};

}  // namespace pennypost::store::sieve
