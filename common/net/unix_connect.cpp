#include "common/net/unix_connect.h"

#include <cerrno>
#include <cstring>

#include "common/net/unix_address.h"

namespace pennypost {
namespace {

// The pause before the next try to connect to a server that has no room.
constexpr Duration pause{50};

}  // namespace

Task<Result<Descriptor>> connect_unix(Loop& loop, std::string path, Duration limit) {
  auto address = unix_address(path);
  if (!address) co_return Error::temporary("4.3.5", address.error().text());
  const auto until = loop.now() + limit;
  for (;;) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) co_return Error::temporary("4.3.0", std::strerror(errno));
    const auto* where = reinterpret_cast<const sockaddr*>(&*address);
    if (::connect(socket.number(), where, sizeof *address) == 0) co_return std::move(socket);
    // EAGAIN: the server's backlog is full. There is nothing to wait for, so it is tried again.
    if (errno != EAGAIN && errno != EINTR) {
      co_return Error::temporary("4.4.1", std::strerror(errno));
    }
    if (loop.now() >= until) co_return Error::temporary("4.4.1", "Connection timed out");
    co_await loop.sleep(pause);
  }
}

}  // namespace pennypost
