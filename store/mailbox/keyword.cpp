#include "store/mailbox/keyword.h"

#include <algorithm>

namespace pennypost::store {

bool is_keyword(std::string_view name) {
  constexpr std::string_view specials = R"((){%*"\])";
  return !name.empty() && name.size() <= keyword_bytes_max &&
         std::ranges::all_of(name, [specials](char c) {
           return c > 0x20 && c < 0x7f && specials.find(c) == std::string_view::npos;
         });
}

}  // namespace pennypost::store
