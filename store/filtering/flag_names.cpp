#include "store/filtering/flag_names.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "store/mailbox/keyword.h"

namespace pennypost::store {

NamedFlags named_flags(const std::vector<std::string>& names) {
  struct Row {
    std::string_view name;
    Flags::Bit bit;
  };
  constexpr std::array rows{Row{"\\answered", Flags::Answered}, Row{"\\deleted", Flags::Deleted},
                            Row{"\\draft", Flags::Draft}, Row{"\\flagged", Flags::Flagged},
                            Row{"\\seen", Flags::Seen}};
  NamedFlags found;
  for (const auto& name : names) {
    for (const auto& row : rows) {
      if (equal_nocase(row.name, name)) found.flags = found.flags | row.bit;
    }
    bool is_new = std::ranges::find(found.keywords, name) == found.keywords.end();
    if (is_keyword(name) && is_new) found.keywords.push_back(name);
  }
  return found;
}

}  // namespace pennypost::store
