// Reads the names and networks in a file that a list setting names: `relay_domains =
// /etc/postfix/relay`.
//
// The file has names, addresses and networks, separated by white space or commas, over any number
// of lines. A `#` at the beginning of a word starts a comment up to the line's end. As a table it
// has each of them as a key; an address is also found if one of the networks contains it.
//
// STANDARDS  none; Postfix's match_list(3)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost::store {

inline constexpr std::size_t name_list_items_max = 1'000'000;

class NameList {
 public:
  /// Error: FILE:LINE and a word that is not allowed in a list file: a table, a file, or one with
  /// `!`.
  static Result<NameList> parse(std::string_view text, const std::string& file);
  /// "OK" if the list holds the key, which is in lower case.
  std::optional<std::string> lookup(std::string_view key) const;
  /// Calls `use` with each name and network, in no order.
  Result<void> each(
      const std::function<void(std::string_view name, std::string_view value)>& use) const;

 private:
  std::unordered_set<std::string> names_;  // in lower case; domains as A-labels
  std::vector<Network> networks_;
};

}  // namespace pennypost::store
