#include "common/config/system.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/base/owned.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

/// gethostname(), completed from /etc/hosts or DNS if it has no dot.
std::string full_hostname() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name = lower(buffer.data());
  if (name.find('.') != name.npos) return name;
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return name;
  Owned<addrinfo, freeaddrinfo> owner(found);
  if (found->ai_canonname != nullptr && std::strchr(found->ai_canonname, '.') != nullptr) {
    return lower(found->ai_canonname);
  }
  return name;
}

int prefix_of(std::span<const std::uint8_t> mask) {
  int bits = 0;
  for (std::uint8_t byte : mask) bits += std::popcount(byte);
  return bits;
}

std::vector<System::Interface> own_interfaces() {
  std::vector<System::Interface> result;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return result;
  Owned<ifaddrs, freeifaddrs> owner(list);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    bool usable = entry->ifa_addr != nullptr && entry->ifa_netmask != nullptr &&
                  (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      sockaddr_in mask{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
      inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
      result.push_back({text.data(), std::popcount(mask.sin_addr.s_addr)});
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address{};
      sockaddr_in6 mask{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
      if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) continue;
      inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
      result.push_back({text.data(), prefix_of(mask.sin6_addr.s6_addr)});
    }
  }
  return result;
}

}  // namespace

System System::query() { return System{full_hostname(), geteuid() == 0, own_interfaces()}; }

std::string network_text(const std::string& address, int prefix_bits) {
  std::array<std::uint8_t, 16> bytes{};
  int family = address.find(':') == address.npos ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), bytes.data()) != 1) return "";
  std::size_t size = family == AF_INET ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) {
    int kept = prefix_bits - static_cast<int>(i) * 8;
    if (kept <= 0) bytes[i] = 0;
    if (kept > 0 && kept < 8) bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff << (8 - kept)));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, bytes.data(), text.data(), text.size());
  std::string bits = "/" + std::to_string(prefix_bits);
  return family == AF_INET ? text.data() + bits : "[" + std::string(text.data()) + "]" + bits;
}

}  // namespace pennypost
