// Finds the addresses to listen on, from inet_interfaces and inet_protocols, and who may use a Unix
// socket.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/own_service.h"
#include "common/net/address.h"
#include "common/net/listener.h"

namespace pennypost {

struct ListenAddress {
  IpAddress address;
  bool is_implied;  // from `all`, `localhost`, `loopback-only`: may be missing on this host
};

/// `all`, `loopback-only`, `localhost`, host names and addresses; `protocols` is `all`, `ipv4`,
/// `ipv6`.
Result<std::vector<ListenAddress>> listen_addresses(const std::vector<std::string>& interfaces,
                                                    const std::vector<std::string>& protocols);

/// The numbers of a socket's user and group. Error: there is no such user; `section` is whose it
/// is, `service.NAME`.
Result<SocketAccess> access_of(const ServiceSocket& socket, const std::string& section);

}  // namespace pennypost
