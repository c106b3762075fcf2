#include "common/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace pennypost {

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  }
  IpAddress address;
  address.v4_ = false;
  address.bytes_ = bytes;
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton() would ignore everything after a NUL.
  std::string plain(text.find('\0') == text.npos ? text : std::string_view());
  if (plain.size() > 2 && plain.front() == '[' && plain.back() == ']') {
    plain = plain.substr(1, plain.size() - 2);
  }
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, plain.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, plain.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return Error(
      501, "not an IP address: " + printable(text, 60) + " (expected 192.0.2.1 or 2001:db8::1)");
}

IpAddress IpAddress::from(const sockaddr_storage& address) {
  return Endpoint::from(address).address();
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.begin() + 15, [](auto b) { return b == 0; }) &&
         bytes_[15] == 1;
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

IpAddress IpAddress::client_block() const {
  if (v4_) return *this;
  IpAddress block = *this;
  std::fill(block.bytes_.begin() + 8, block.bytes_.end(), std::uint8_t{0});
  return block;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

std::string IpAddress::literal() const { return v4_ ? text() : "IPv6:" + text(); }

std::string IpAddress::reverse_name() const {
  std::string name;
  if (v4_) {
    for (std::size_t i = 4; i-- > 0;) name += std::to_string(bytes_[i]) + ".";
    return name + "in-addr.arpa";
  }
  std::string digits = hex_encode(bytes());
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    name += *digit;
    name += '.';
  }
  return name + "ip6.arpa";
}

Result<Network> Network::parse(std::string_view text) {
  auto slash = text.rfind('/');
  TRY(auto address, IpAddress::parse(text.substr(0, slash)));
  int bits = address.is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return Network(address, bits);
  auto prefix = parse_number(text.substr(slash + 1));
  if (!prefix || *prefix > static_cast<std::uint64_t>(bits)) {
    return Error(501, "bad network " + printable(text, 60) + ": the part after / must be 0 to " +
                          std::to_string(bits));
  }
  Network network(address, static_cast<int>(*prefix));
  std::array<std::uint8_t, 16> kept{};
  for (std::size_t i = 0; i < address.bytes().size(); ++i) {
    int left = std::clamp(network.prefix_ - static_cast<int>(i) * 8, 0, 8);
    kept[i] = static_cast<std::uint8_t>(static_cast<unsigned char>(address.bytes()[i]) &
                                        (0xff00u >> left));
  }
  IpAddress first =
      address.is_v4() ? IpAddress::v4({kept[0], kept[1], kept[2], kept[3]}) : IpAddress::v6(kept);
  if (first != address) {
    return Error(501, "bad network " + printable(text, 60) +
                          ": address bits are set beyond the prefix; use " + first.text() + "/" +
                          std::to_string(*prefix));
  }
  return network;
}

bool Network::contains(const IpAddress& address) const {
  if (address.is_v4() != address_.is_v4()) return false;
  for (int i = 0; i < static_cast<int>(address.bytes().size()); ++i) {
    int left = std::clamp(prefix_ - i * 8, 0, 8);
    auto at = static_cast<std::size_t>(i);
    int difference = static_cast<unsigned char>(address.bytes()[at]) ^
                     static_cast<unsigned char>(address_.bytes()[at]);
    if ((difference & (0xff00 >> left) & 0xff) != 0) return false;
  }
  return true;
}

std::string Network::text() const {
  std::string address = address_.is_v4() ? address_.text() : "[" + address_.text() + "]";
  return address + "/" + std::to_string(prefix_);
}

Endpoint Endpoint::from(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &in.sin_addr, 4);
    return Endpoint(IpAddress::v4(bytes), ntohs(in.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &address, sizeof in6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in6.sin6_addr, 16);
    return Endpoint(IpAddress::v6(bytes), ntohs(in6.sin6_port));
  }
  return Endpoint(IpAddress::loopback4(), 0);
}

std::string Endpoint::text() const {
  std::string host = address_.is_v4() ? address_.text() : "[" + address_.text() + "]";
  return host + ":" + std::to_string(port_);
}

socklen_t Endpoint::fill(sockaddr_storage& address) const {
  std::memset(&address, 0, sizeof address);
  if (address_.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port_);
    std::memcpy(&in.sin_addr, address_.bytes().data(), 4);
    std::memcpy(&address, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port_);
  std::memcpy(&in6.sin6_addr, address_.bytes().data(), 16);
  std::memcpy(&address, &in6, sizeof in6);
  return sizeof in6;
}

}  // namespace pennypost
