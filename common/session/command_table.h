// Finds a command's row in a protocol's table.
//
// Each protocol keeps one constexpr array of rows sorted by `name` in upper case; clients write
// names in any case (RFC 5321 section 2.4, RFC 1939 section 3, RFC 9051 section 2.2).
//
//   constexpr std::array commands{Command{"APOP", ...}, Command{"CAPA", ...}};
//   static_assert(is_command_table(commands));
//   const Command* command = find_command(commands, "capa");
#pragma once

#include <string_view>

#include "common/base/text.h"

namespace pennypost {

/// Whether the rows are sorted by name, without duplicates and in upper case, as find_command()
/// requires.
template <class Table>
constexpr bool is_command_table(const Table& table) {
  std::string_view last;
  for (const auto& row : table) {
    std::string_view name = row.name;
    if (name <= last) return false;
    for (char c : name) {
      if (to_upper(c) != c) return false;
    }
    last = name;
  }
  return true;
}

/// The row with that name, ignoring ASCII case; null if there is none.
template <class Table>
constexpr auto find_command(const Table& table, std::string_view name) -> decltype(&table[0]) {
  std::size_t low = 0;
  std::size_t high = table.size();
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    std::string_view there = table[middle].name;
    int order = 0;
    std::size_t common = there.size() < name.size() ? there.size() : name.size();
    for (std::size_t i = 0; i < common && order == 0; ++i) {
      char c = to_upper(name[i]);
      if (there[i] != c) order = there[i] < c ? -1 : 1;
    }
    if (order == 0 && there.size() == name.size()) return &table[middle];
    if (order == 0) order = there.size() < name.size() ? -1 : 1;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return nullptr;
}

}  // namespace pennypost
