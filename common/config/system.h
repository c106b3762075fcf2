// Collects the facts about the host that settings default to.
#pragma once

#include <string>
#include <vector>

namespace pennypost {

/// What defaults are derived from; a test makes its own.
struct System {
  struct Interface {
    std::string address;  ///< as inet_ntop() writes it, without a scope
    int prefix_bits = 0;
    friend bool operator==(const Interface&, const Interface&) = default;
  };
  std::string hostname;               ///< full name where the system knows it
  bool root = false;                  ///< whether this process may change its user
  std::vector<Interface> interfaces;  ///< without loopback and link-local ones

  /// This host's.
  static System query();
};

/// The network of an address as CIDR: 192.0.2.7 with 24 bits is `192.0.2.0/24`, IPv6 in brackets
/// (`[2001:db8::]/32`), as mynetworks has it. Empty where the address is none.
std::string network_text(const std::string& address, int prefix_bits);

}  // namespace pennypost
