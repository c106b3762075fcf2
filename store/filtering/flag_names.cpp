#include "store/filtering/flag_names.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "store/mailbox/keyword.h"

namespace pennypost::store {

namespace {

struct Row {
  std::string_view name;
  Flags::Bit bit;
};
constexpr std::array rows{Row{"\\Answered", Flags::Answered}, Row{"\\Deleted", Flags::Deleted},
                          Row{"\\Draft", Flags::Draft}, Row{"\\Flagged", Flags::Flagged},
                          Row{"\\Seen", Flags::Seen}};

}  // namespace

std::vector<std::string> flag_names(Flags flags, const std::vector<std::string>& keywords) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (flags.has(row.bit)) names.emplace_back(row.name);
  }
  names.insert(names.end(), keywords.begin(), keywords.end());
  return names;
}

NamedFlags named_flags(const std::vector<std::string>& names) {
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
