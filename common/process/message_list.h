// Checks at compile time that no two requests between processes have the same number.
//
// SEE ALSO   port.h (what a request is)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pennypost {

template <class... Requests>
struct MessageList {
  static constexpr std::array<std::uint16_t, sizeof...(Requests)> types{Requests::type...};

  static constexpr bool are_types_distinct() {
    for (std::size_t i = 0; i < types.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (types[i] == types[k]) return false;
      }
    }
    return true;
  }
};

}  // namespace pennypost
