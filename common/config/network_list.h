// Matches addresses against a list of networks such as mynetworks.
//
// Items are addresses and networks, optionally with `!` before them; the first that contains an
// address decides. Tables among them are those of mynetworks, which only the lookup process can
// look into; those of other lists have been replaced (network_tables.h).
#pragma once

#include <string>
#include <vector>

#include "common/net/address.h"

namespace pennypost {

class NetworkList {
 public:
  explicit NetworkList(const std::vector<std::string>& items);
  /// Whether the list contains the address if its tables are taken as empty.
  bool contains(const IpAddress& address) const;
  /// Whether it contains the address whatever the tables hold: the deciding network is before the
  /// first table.
  bool surely_contains(const IpAddress& address) const;

 private:
  struct Item {
    Network network;
    bool is_excluded;
    bool is_behind_table;
  };
  const Item* first_with(const IpAddress& address) const;
  std::vector<Item> items_;
};

}  // namespace pennypost
