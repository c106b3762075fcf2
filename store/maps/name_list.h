// Reads the names and networks of a file that stands in a list: `relay_domains =
// /etc/postfix/relay`.
//
// The file has names, addresses and networks, separated by white space or commas, over any number
// of lines. A `#` at the beginning of a word starts a comment up to the line's end. As a table it
// has each of them as a key, and an address also where one of its networks holds it.
//
// STANDARDS  none; Postfix's match_list(3)
#pragma once

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
  /// Error: FILE:LINE with a word that can't stand in a list file: a table, a file, one with `!`.
  static Result<NameList> parse(std::string_view text, const std::string& file);
  /// "OK" where the list holds the key, which is in lower case.
  std::optional<std::string> lookup(std::string_view key) const;

 private:
  std::unordered_set<std::string> names_;  // in lower case; domains as A-labels
  std::vector<Network> networks_;
};

}  // namespace pennypost::store
