// Finds the terms of an index that are spelt nearly as another: one letter wrong, missing, too much
// or exchanged with its neighbour.
#pragma once

#include <xapian.h>

#include <string>
#include <string_view>
#include <vector>

namespace pennypost::store {

/// Shorter words have too many neighbours.
inline constexpr std::size_t alike_letters_min = 4;

/// Whether one step makes the one from the other; false if they are the same.
bool is_alike(std::string_view a, std::string_view b);

/// The first letter of `term`, its place, and the first of its word are taken as they are. At most
/// alike_terms_max, not `term` itself.
std::vector<std::string> alike_terms(const Xapian::Database& database, const std::string& term);

}  // namespace pennypost::store
