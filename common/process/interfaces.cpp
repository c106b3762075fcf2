#include "common/process/interfaces.h"

#include <netdb.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/process/privileges.h"

namespace pennypost {
namespace {

Result<std::vector<IpAddress>> addresses_of(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  int status = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    return Error::permanent("inet_interfaces: " + name + ": " + gai_strerror(status) +
                            "; use all, loopback-only, or addresses of this host");
  }
  std::vector<IpAddress> addresses;
  for (addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(&storage));
    addresses.push_back(IpAddress::from(storage));
  }
  freeaddrinfo(list);
  return addresses;
}

}  // namespace

Result<std::vector<ListenAddress>> listen_addresses(const std::vector<std::string>& interfaces,
                                                    const std::vector<std::string>& protocols) {
  auto wants = [&](std::string_view protocol) {
    return std::ranges::any_of(protocols, [&](const std::string& entry) {
      return equal_nocase(entry, protocol) || equal_nocase(entry, "all");
    });
  };
  std::vector<ListenAddress> out;
  auto add = [&](const IpAddress& address, bool is_implied) {
    if (!wants(address.is_v4() ? "ipv4" : "ipv6")) return;
    bool is_known =
        std::ranges::any_of(out, [&](const auto& entry) { return entry.address == address; });
    if (!is_known) out.push_back({address, is_implied});
  };
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  for (const auto& name : interfaces) {
    if (equal_nocase(name, "all")) {
      add(IpAddress::v4({0, 0, 0, 0}), true);
      add(IpAddress::v6({}), true);
    } else if (equal_nocase(name, "localhost") || equal_nocase(name, "loopback-only")) {
      add(IpAddress::loopback4(), true);
      add(IpAddress::v6(one), true);
    } else if (auto address = IpAddress::parse(name)) {
      add(*address, false);
    } else {
      TRY(auto addresses, addresses_of(name));
      for (const auto& entry : addresses) add(entry, false);
    }
  }
  if (out.empty()) {
    return Error::permanent(
        "inet_interfaces and inet_protocols leave no address to listen on; try inet_interfaces = "
        "all");
  }
  return out;
}

Result<SocketAccess> access_of(const ServiceSocket& socket, const std::string& section) {
  SocketAccess access;
  access.mode = socket.mode;
  if (!socket.user.empty()) {
    TRY(auto user, Identity::of_user(socket.user, section + ".user"));
    access.owner = user.uid;
  }
  if (socket.group.empty()) return access;
  TRY(access.group, Identity::find_group(socket.group));
  if (access.group) return access;
  return Error::permanent(section + ".group: there is no group " + printable(socket.group, 100) +
                          "; create it (groupadd), or name another");
}

}  // namespace pennypost
