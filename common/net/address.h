// Represents IP addresses, networks and endpoints, and converts them from and to text.
//
// An IPv4 address mapped into IPv6 (::ffff:192.0.2.1) is the IPv4 address everywhere here.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

class IpAddress {
 public:
  /// `192.0.2.1`, `2001:db8::1`, also in brackets; no names, no ports.
  static Result<IpAddress> parse(std::string_view text);
  /// From the result of accept(), getpeername() or getsockname(); 127.0.0.1 for Unix sockets.
  static IpAddress from(const sockaddr_storage& address);
  static IpAddress loopback4() { return v4({127, 0, 0, 1}); }
  static IpAddress v4(std::array<std::uint8_t, 4> bytes);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);

  bool is_v4() const { return v4_; }
  bool is_v6() const { return !v4_; }
  bool is_loopback() const;
  bool is_unspecified() const;
  /// The unit for limits per client: an IPv4 address itself; for an IPv6 address its /64, since one
  /// host can use all addresses in it.
  IpAddress client_block() const;
  std::string text() const;
  /// As in an address literal, RFC 5321 section 4.1.3: `192.0.2.1`, `IPv6:2001:db8::1`.
  std::string literal() const;
  /// `4.3.2.1.in-addr.arpa`, or nibbles in `ip6.arpa`.
  std::string reverse_name() const;
  /// In network order: 4 or 16 bytes.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), v4_ ? std::size_t{4} : std::size_t{16}};
  }

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpAddress() = default;
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A block of addresses in CIDR notation.
class Network {
 public:
  /// `192.0.2.0/24`, `[2001:db8::]/32`, or one address. Bits set beyond the prefix are an error
  /// that names the correct network.
  static Result<Network> parse(std::string_view text);
  Network(IpAddress address, int prefix) : address_(address), prefix_(prefix) {}

  bool contains(const IpAddress& address) const;
  int prefix() const { return prefix_; }
  const IpAddress& address() const { return address_; }
  std::string text() const;

 private:
  IpAddress address_;
  int prefix_;
};

/// An address and a port.
class Endpoint {
 public:
  Endpoint(IpAddress address, std::uint16_t port) : address_(address), port_(port) {}
  static Endpoint from(const sockaddr_storage& address);
  const IpAddress& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  /// `192.0.2.1:25`, `[2001:db8::1]:25`.
  std::string text() const;
  /// Fills `address`; the result is its length for bind() and connect().
  socklen_t fill(sockaddr_storage& address) const;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

 private:
  IpAddress address_;
  std::uint16_t port_;
};

}  // namespace pennypost
