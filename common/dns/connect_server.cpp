#include "common/dns/connect_server.h"

#include "common/async/nursery.h"
#include "common/net/unix_connect.h"

namespace pennypost {
namespace {

Task<Result<std::unique_ptr<Socket>>> connect_to_path(Loop& loop, std::string path,
                                                      Duration timeout) {
  auto connecting = connect_unix(loop, std::move(path), timeout);
  CO_TRY(auto socket, co_await std::move(connecting));
  co_return Socket::adopted(loop, std::move(socket));
}

}  // namespace

Task<Result<std::unique_ptr<Socket>>> connect_server(Loop& loop, Resolver& resolver, ServerRef to,
                                                     std::string directory, Duration timeout) {
  if (to.is_unix()) {
    std::string path = to.path.starts_with('/') ? to.path : directory + "/" + to.path;
    auto connecting = connect_to_path(loop, std::move(path), timeout);
    co_return co_await std::move(connecting);
  }
  SteadyTime until = loop.now() + timeout;
  std::vector<IpAddress> addresses;
  if (auto given = IpAddress::parse(to.host)) {
    addresses.push_back(*given);
  } else {
    AddressFamilies both;
    auto asking = resolver.native_addresses(to.host, both);
    auto found = co_await within(loop, timeout, std::move(asking));
    if (!found || !found->is_found()) {
      co_return Error::temporary("4.4.3", "no address of " + to.host + ": " +
                                              (found ? found->reason : "no answer in time"));
    }
    addresses = std::move(found->values);
  }
  Error last = Error::temporary("4.4.1", "Connection timed out");
  for (const IpAddress& address : addresses) {
    auto left = std::chrono::duration_cast<Duration>(until - loop.now());
    if (left.count() <= 0) break;
    auto connecting = Socket::connect(loop, Endpoint(address, to.port), left, std::nullopt);
    auto socket = co_await std::move(connecting);
    if (!socket) {
      last = std::move(socket).error();
      continue;
    }
    co_return *std::move(socket);
  }
  co_return std::move(last);
}

}  // namespace pennypost
