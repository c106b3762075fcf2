// A list of networks as in mynetworks, and whether it holds an address.
//
// Items are addresses and blocks, some with `!` before them; the first that holds an address
// decides. Tables among them can be asked by the lookup process alone.
#pragma once

#include <string>
#include <vector>

#include "common/net/address.h"

namespace pennypost {

class NetworkList {
 public:
  explicit NetworkList(const std::vector<std::string>& items);
  /// As if the tables held nothing.
  bool contains(const IpAddress& address) const;
  /// Whatever the tables hold: the network that holds it stands before the first of them.
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
