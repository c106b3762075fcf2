// Puts a key, or what was found for it, into a text: the query of a table that a server answers,
// and the form of its result.
//
//   %s  all of it   %u  what stands before the last @, or all of it   %d  what stands behind it
//   %1 ... %9  the key's domain, part by part: of user@mail.example.com, com is %1, example is %2
//   %S %U %D  in a result: as %s, %u, %d of the key      %%  a percent sign
//
// A key is not asked for if it lacks a part that the template needs: a domain, enough parts of one,
// something before the @. A value that lacks one is passed over.
//
// STANDARDS  none; Postfix's ldap_table(5) and its kin
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

class KeyTemplate {
 public:
  enum class Of { Key, Value };
  /// Error: the expansion that is none.
  static Result<KeyTemplate> parse(std::string_view text, Of of);

  /// Writes what a key has in such a way that it can't be mistaken for a part of the query.
  using Quote = std::function<std::string(std::string_view part)>;

  /// Whether the key has all that is to be filled in from it.
  bool serves(std::string_view key) const;
  /// Of a template of keys: the text for a key that it serves.
  std::string for_key(std::string_view key, const Quote& quote) const;
  /// Of a template of values: the text; nothing where the value lacks a part.
  std::optional<std::string> for_value(std::string_view value, std::string_view key) const;

  /// True where it has nothing to fill in.
  bool is_fixed() const;
  /// The first expansion that does not stand between two of one of the `quotes`; empty: none.
  std::string unquoted(std::string_view quotes) const;

 private:
  struct Piece {
    std::string literal;
    char expansion = '\0';  // behind it
  };
  bool is_of_key(char expansion) const;
  Of of_ = Of::Key;
  std::vector<Piece> pieces_;
};

}  // namespace pennypost::store
