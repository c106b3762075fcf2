#include "common/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "common/net/unix_address.h"

namespace pennypost {
namespace {

constexpr int backlog = 1024;
constexpr Duration pause_when_full{200};

std::string remedy(int number) {
  switch (number) {
    case EADDRINUSE:
      return ": Address already in use; stop the program that has it (ss -ltnp shows which), or "
             "set "
             "another port";
    case EACCES:
      return ": Permission denied; ports below 1024 need root, or set another port";
    case EADDRNOTAVAIL:
      return ": no interface of this host has that address; see inet_interfaces";
    default:
      return std::string(": ") + std::strerror(number);
  }
}

}  // namespace

Result<Descriptor> listen_tcp(const Endpoint& at) {
  int family = at.address().is_v4() ? AF_INET : AF_INET6;
  Descriptor descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor) return Error::permanent("socket for " + at.text() + remedy(errno));
  int on = 1;
  setsockopt(descriptor.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) {
    setsockopt(descriptor.number(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  sockaddr_storage address{};
  socklen_t size = at.fill(address);
  if (bind(descriptor.number(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(descriptor.number(), backlog) != 0) {
    return Error::permanent("listen on " + at.text() + remedy(errno));
  }
  // Accepted sockets inherit these options; listen() would reset the second. With TCP_QUICKACK off,
  // a command is acknowledged together with its answer, not by a separate packet before it.
  setsockopt(descriptor.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int off = 0;
  setsockopt(descriptor.number(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  return descriptor;
}

Result<Descriptor> listen_unix(const std::string& path, unsigned mode) {
  TRY(auto address, unix_address(path));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  Descriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor) return Error::permanent("socket for " + path + remedy(errno));
  // If somebody answers, the path is in use; a file that nobody serves was left by a stopped
  // server.
  Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(probe.number(), generic, sizeof address) == 0 || errno == EAGAIN) {
    return Error::permanent("listen on " + path + ": another process serves it; stop it first");
  }
  unlink(path.c_str());
  // Nobody can connect before listen(), so the mode may be set after bind(). A umask would apply to
  // the whole process, and also to files that other threads make meanwhile.
  if (bind(descriptor.number(), generic, sizeof address) != 0) {
    return Error::permanent("listen on " + path + remedy(errno));
  }
  if (chmod(path.c_str(), mode) != 0 || listen(descriptor.number(), backlog) != 0) {
    return Error::permanent("listen on " + path + remedy(errno));
  }
  return descriptor;
}

Task<std::unique_ptr<Socket>> Listener::accept(Loop& loop) {
  for (;;) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Descriptor accepted(accept4(descriptor_.number(), reinterpret_cast<sockaddr*>(&peer), &size,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) co_return Socket::accepted(loop, std::move(accepted), Endpoint::from(peer));
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!poll_) poll_ = std::make_unique<Poll>(loop, descriptor_.number());
      co_await poll_->ready(Poll::Event::Readable, SteadyTime::max());
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      co_await loop.sleep(pause_when_full);
    } else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
      throw Disconnected(Disconnected::Reason::Error, std::strerror(errno));
    }
  }
}

}  // namespace pennypost
