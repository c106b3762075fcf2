// Mistake: what is wrong with a script, where, and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pennypost::store::sieve {

/// A place in a script; line and column count from 1, a column is an octet.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  friend bool operator==(const Position&, const Position&) = default;
};

struct Mistake {
  Position at;
  std::string text;

  /// `LINE:COLUMN: what is wrong`.
  std::string shown() const {
    return std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + text;
  }

  friend bool operator==(const Mistake&, const Mistake&) = default;
};

using Mistakes = std::vector<Mistake>;

}  // namespace pennypost::store::sieve
