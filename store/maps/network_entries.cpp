#include "store/maps/network_entries.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/net/address.h"
#include "store/maps/map.h"

namespace pennypost::store {
namespace {

/// `192.0.2` as access tables have it, as a network.
std::optional<std::string> network_of_prefix(std::string_view key) {
  auto parts = split(key, '.');
  bool is_prefix = parts.size() < 4 && std::ranges::all_of(parts, [](std::string_view part) {
                     auto number = parse_number(part);
                     return number && *number <= 255;
                   });
  if (!is_prefix) return {};
  std::string address(key);
  for (std::size_t i = parts.size(); i < 4; ++i) address += ".0";
  return address + "/" + std::to_string(8 * parts.size());
}

}  // namespace

Result<std::vector<std::string>> networks_of(const TableRef& table) {
  TRY(auto map, Map::open(table));
  std::vector<std::string> networks;
  std::string problem;
  TRY_DO(map->each([&](std::string_view key, std::string_view) {
    if (!problem.empty()) return;
    if (auto prefix = network_of_prefix(key)) {
      networks.push_back(*std::move(prefix));
    } else if (auto network = Network::parse(key)) {
      networks.push_back(network->text());
    } else {
      problem = network.error().text();
    }
  }));
  if (!problem.empty()) return Error::permanent(table.text() + ": " + problem);
  return networks;
}

}  // namespace pennypost::store
