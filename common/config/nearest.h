// Finds the existing name that a misspelled one probably means.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pennypost {

/// How many letters of `a` must be added, removed, changed or swapped with their neighbour to get
/// `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `names` (a container; `name` projects to text), if it is near enough to be meant;
/// else empty.
template <class Names, class Name>
std::string_view nearest(std::string_view wrong, const Names& names, Name name) {
  std::string_view best;
  std::size_t best_distance = wrong.size() / 3 + 1;
  for (const auto& candidate : names) {
    std::string_view text = std::invoke(name, candidate);
    std::size_t distance = edit_distance(wrong, text);
    if (distance < best_distance) {
      best = text;
      best_distance = distance;
    }
  }
  return best;
}

/// `; did you mean NAME?`, or nothing.
template <class Names, class Name>
std::string nearest_hint(std::string_view wrong, const Names& names, Name name) {
  std::string_view found = nearest(wrong, names, name);
  return found.empty() ? std::string() : "; did you mean " + std::string(found) + "?";
}

}  // namespace pennypost
