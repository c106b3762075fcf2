// Builds the table that hash:FILE reads from its source file: the work of postmap and newaliases.
//
// Lines that hold no entry are left out with a warning; where a value is wrong, nothing changes
// (source.h says which is which). Keys are folded, as look-ups do.
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
  Warn,     ///< the first of a key counts, the others are said
  Ignore,   ///< the first counts
  Replace,  ///< the last counts
};

struct BuildOptions {
  SourceSyntax syntax = SourceSyntax::Table;
  Duplicates duplicates = Duplicates::Warn;
  bool fold_keys = true;
  Microseconds keep_old{0};  ///< map_old_generation_lifetime
  /// The user whose process looks things up in the table. His primary group may read a table that
  /// he could not read otherwise, where root builds it in a directory of its own. Postfix's daemons
  /// open such tables as root before they take on their user; ours are not root when they open one.
  /// Without root, and in directories of others, it is not used.
  std::optional<Identity> reader;
  /// `FILE:LINE: duplicate entry …`, and each line that was left out; may be empty.
  std::function<void(const std::string& text)> warn;
};

using Entries = std::map<std::string, std::string>;

/// Adds a source's entries to `entries`.
Result<void> add_entries(std::string_view text, const std::string& file,
                         const BuildOptions& options, Entries& entries);

/// Builds hash:`file` from `file`, whose owner and read permissions the table gets; see also
/// BuildOptions::reader.
Result<void> build_map(const std::string& file, const BuildOptions& options);

/// All entries of the current table of hash:`file`.
Result<Entries> read_map(const std::string& file);

/// Changes the table of hash:`file` without its source (postmap -i and -d). A table that is not
/// there is made.
Result<void> change_map(const std::string& file, const BuildOptions& options,
                        const std::function<Result<void>(Entries& entries)>& change);

}  // namespace pennypost::store
