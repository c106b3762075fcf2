// The text of an address or network in, its bits out: what mynetworks, access maps and cidr:
// compare.
//
// `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`, `[2001:db8::]/32`, and Postfix's old `[::1]/128`. An
// IPv4-mapped IPv6 address is the IPv4 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::store {

class IpAddress {
 public:
  /// Brackets around it are taken; nothing if it is no address.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return bits_ == 32; }
  int bits() const { return bits_; }
  /// Normal form, RFC 5952 for IPv6.
  std::string text() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  int bits_ = 32;
};

class Network {
 public:
  /// Error: no address, a length out of range, or bits set behind the length (said with the network
  /// that was probably meant).
  static Result<Network> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  std::string text() const;

 private:
  Network(IpAddress base, int length) : base_(base), length_(length) {}
  IpAddress base_;
  int length_;
};

}  // namespace pennypost::store
