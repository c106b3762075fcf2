// Finds variables (`${name}`) and encoded characters (`${hex: 40}`) in a script's strings.
//
//   variable  = "${" [namespace "."] name "}" ; name = identifier or digits
//   encoded   = "${hex:" *(blank / two hex digits) "}" / "${unicode:" *(blank / hex digits) "}"
//
// What does not fit this is plain text.
//
// STANDARDS  RFC 5229 section 3, RFC 5228 section 2.4.2.4
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::store::sieve {

/// One reference to a variable, at [begin, end) of the text.
struct VariableReference {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string space;                  // before the dot, in lower case; empty: none
  std::string name;                   // in lower case; of a match variable empty
  std::optional<std::size_t> number;  // of a match variable
};

/// The first reference at or after `from`.
std::optional<VariableReference> find_variable(std::string_view text, std::size_t from);

/// Whether the text is a variable's name, with a namespace or without, as `set` takes it.
bool is_variable_name(std::string_view text);

/// The text with its encoded characters replaced. Error: a code point that does not exist.
Result<std::string> decode_encoded_characters(std::string_view text);

}  // namespace pennypost::store::sieve
