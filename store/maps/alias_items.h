// Parses the right side of an alias or virtual alias, an :include: file, or a .forward.
//
//   value   = item *(separator item)      separator = comma, blanks, or both
//   item    = address | `|command` | `/file` | `:include:/file`
//
// A command extends to the next comma. An item may be quoted as a whole, for a command with commas
// or a path with blanks: "|/usr/bin/filter -a, -b". A display name belongs to the address in angle
// brackets after it: Ann Example <ann@example.org>. In files named by :include:, and in .forward, a
// line end separates items like a comma, and lines that begin with # are comments. Text in
// parentheses is a comment (RFC 5322 section 3.2.2). A leading backslash, as in `\ann`, stays with
// the address: it means ann's mailbox, whatever her aliases say.
//
// STANDARDS  none; Postfix's aliases(5)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

inline constexpr std::size_t alias_items_max = 100'000;

struct AliasItem {
  enum class Kind { Address, Command, File, Include };

  Kind kind;
  std::string text;  ///< the address as written; the command without `|`; the path
  friend bool operator==(const AliasItem&, const AliasItem&) = default;
};

/// The right side of an alias. An empty value has no items.
/// Error: a quote, parenthesis or `<` that is not closed, an empty command, :include: without an
/// absolute path, more than alias_items_max items.
Result<std::vector<AliasItem>> parse_alias_items(std::string_view value);

/// Parses an :include: file or a .forward; errors begin with `FILE:LINE: `.
Result<std::vector<AliasItem>> parse_alias_file(std::string_view text, const std::string& file);

}  // namespace pennypost::store
