#include "smtpd/scheduler/local_sockets.h"

#include <cerrno>
#include <cstring>

#include "common/net/unix_address.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {
namespace {

// The pause before the next try to connect to a server that has no room.
constexpr Duration pause{50};

std::string socket_of(const std::string& next_hop) {
  auto hop = NextHop::parse_lmtp(next_hop);
  return hop ? hop->socket : std::string();
}

}  // namespace

LocalSockets::Permit::Permit(LocalSockets& of, const Route& route) : of_(of) {
  if (route.transport != Transport::Lmtp) return;
  paths_.push_back(socket_of(route.next_hop));
  for (const auto& fallback : route.fallbacks) paths_.push_back(socket_of(fallback.next_hop));
  std::erase(paths_, "");
  of_.permitted_.insert(paths_.begin(), paths_.end());
}

LocalSockets::Permit::~Permit() {
  for (const auto& path : paths_) of_.permitted_.erase(of_.permitted_.find(path));
}

Task<Result<Descriptor>> LocalSockets::connect(std::string path, Duration limit) {
  if (!permitted_.contains(path)) {
    co_return Error::temporary("4.3.0", "no mail is on its way to this socket");
  }
  auto address = unix_address(path.starts_with('/') ? path : directory_ + "/" + path);
  if (!address) co_return Error::temporary("4.3.5", address.error().text());
  const auto until = loop_.now() + limit;
  for (;;) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) co_return Error::temporary("4.3.0", std::strerror(errno));
    const auto* where = reinterpret_cast<const sockaddr*>(&*address);
    if (::connect(socket.number(), where, sizeof *address) == 0) co_return std::move(socket);
    // EAGAIN: the server's backlog is full. There is nothing to wait for, so it is tried again.
    if (errno != EAGAIN && errno != EINTR) {
      co_return Error::temporary("4.4.1", std::strerror(errno));
    }
    if (loop_.now() >= until) co_return Error::temporary("4.4.1", "Connection timed out");
    co_await loop_.sleep(pause);
  }
}

}  // namespace pennypost::smtp
