// Lists of words, as settings and protocols have them: `noplaintext, noanonymous`.
#pragma once

#include <algorithm>
#include <string_view>

#include "common/base/text.h"

namespace pennypost {

/// Whether a list of strings or views names `word`. ASCII case does not count.
template <class List>
bool holds(const List& list, std::string_view word) {
  return std::ranges::any_of(list, [&](std::string_view item) { return equal_nocase(item, word); });
}

}  // namespace pennypost
