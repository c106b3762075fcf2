// Collects the facts about the host from which defaults are derived.
#pragma once

#include <string>
#include <vector>

namespace pennypost {

/// The facts; tests make their own.
struct System {
  struct Interface {
    std::string address;  ///< as inet_ntop() writes it, without a scope
    int prefix_bits = 0;
    friend bool operator==(const Interface&, const Interface&) = default;
  };
  std::string hostname;               ///< full name if the system knows it
  bool root = false;                  ///< whether this process may change its user
  std::vector<Interface> interfaces;  ///< without loopback and link-local ones

  /// The facts about this host.
  static System query();
};

/// The network of an address as CIDR, in the notation of mynetworks: 192.0.2.7 with 24 bits is
/// `192.0.2.0/24`; IPv6 is in brackets (`[2001:db8::]/32`). Empty if the address is invalid.
std::string network_text(const std::string& address, int prefix_bits);

}  // namespace pennypost
