#include "common/config/network_list.h"

#include <algorithm>
#include <string_view>

#include "common/config/types.h"

namespace pennypost {

NetworkList::NetworkList(const std::vector<std::string>& items) {
  bool is_behind_table = false;
  for (std::string_view item : items) {
    bool is_excluded = item.starts_with('!');
    if (is_excluded) item.remove_prefix(1);
    if (TableRef::is_table(item)) {
      is_behind_table = true;
      continue;
    }
    auto network = Network::parse(item);
    if (network) items_.push_back(Item{*network, is_excluded, is_behind_table});
  }
}

const NetworkList::Item* NetworkList::first_with(const IpAddress& address) const {
  auto found = std::ranges::find_if(
      items_, [&](const Item& item) { return item.network.contains(address); });
  return found == items_.end() ? nullptr : &*found;
}

bool NetworkList::contains(const IpAddress& address) const {
  const Item* first = first_with(address);
  return first != nullptr && !first->is_excluded;
}

bool NetworkList::surely_contains(const IpAddress& address) const {
  const Item* first = first_with(address);
  return first != nullptr && !first->is_excluded && !first->is_behind_table;
}

}  // namespace pennypost
