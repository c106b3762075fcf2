// Compares texts by Sieve's comparators and wildcards; pure functions.
//
// STANDARDS  RFC 4790 section 9, RFC 5051, RFC 5228 section 2.7, RFC 5229 section 3.2 (what
//            wildcards capture)
// SEE ALSO   matching.h (a test's keys against its values)
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// The order of two texts. i;ascii-numeric: of the numbers at their fronts; text without one is
/// above all numbers.
std::strong_ordering compare(Comparator comparator, std::string_view a, std::string_view b);

bool holds(Relation relation, std::strong_ordering order);

/// Whether `key` is in `text`.
bool contains(Comparator comparator, std::string_view text, std::string_view key);

/// Whether the whole text fits a pattern: `*` is any text, as short as possible, `?` one character
/// (one octet with i;octet), a backslash takes the meaning from what follows. `captures`, if
/// wanted, becomes the whole text and what each wildcard matched.
bool matches_wildcards(Comparator comparator, std::string_view text, std::string_view pattern,
                       std::vector<std::string>* captures);

}  // namespace pennypost::store::sieve
