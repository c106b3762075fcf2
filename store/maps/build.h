// Builds the table hash:FILE from its source file, as postmap and newaliases do.
//
// Lines that hold no entry are skipped with a warning; if a value is wrong, nothing changes
// (source.h says which is which). Keys are folded to lower case, as in look-ups.
//
// SEE ALSO   source.h (the notation), generation.h (how readers see the change)
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/privileges.h"
#include "store/maps/generation.h"
#include "store/maps/source.h"

namespace pennypost::store {

enum class Duplicates {
  Warn,     ///< the first entry of a key counts; the others are warned about
  Ignore,   ///< the first counts
  Replace,  ///< the last counts
};

struct BuildOptions {
  SourceSyntax syntax = SourceSyntax::Table;
  Duplicates duplicates = Duplicates::Warn;
  bool fold_keys = true;
  /// Lines that are not UTF-8 are skipped with a warning (postmap without -u).
  bool utf8_only = false;
  /// Each value lists files; what is stored is their content, joined by line ends, in base64
  /// (postmap -F).
  bool values_are_files = false;
  BuildLock::Rights rights = BuildLock::Rights::Owners;
  /// The table can be read by everybody, whoever may read its source (postmap -p).
  bool readable_by_all = false;
  Microseconds keep_old{0};  ///< map_old_generation_lifetime
  /// The user whose process reads the table. If that user could not read it otherwise, and root
  /// builds it in a directory that only root can change, the table is made readable for the user's
  /// primary group. Postfix's daemons open such tables as root, before they drop their privileges;
  /// ours no longer have any by then.
  std::optional<Identity> reader;
  /// Called with `FILE:LINE: duplicate entry …`, and for each line that was skipped; may be empty.
  std::function<void(const std::string& text)> warn;
};

using Entries = std::map<std::string, std::string>;

/// Adds a source's entries to `entries`.
Result<void> add_entries(std::string_view text, const std::string& file,
                         const BuildOptions& options, Entries& entries);

/// Builds hash:`file` from `file`, and returns how many entries it has. The table gets the owner
/// and read permissions of `file`; see also BuildOptions::reader.
Result<std::size_t> build_map(const std::string& file, const BuildOptions& options);

/// All entries of the current table of hash:`file`.
Result<Entries> read_map(const std::string& file);

enum class Changed { No, Yes };
enum class Missing { IsAnError, IsEmpty };

/// Changes the table of hash:`file` without its source (postmap -i and -d). Where `change` says No,
/// the table stays as it is, unless it is missing: then it is made.
Result<void> change_map(const std::string& file, const BuildOptions& options, Missing missing,
                        const std::function<Result<Changed>(Entries& entries)>& change);

}  // namespace pennypost::store
