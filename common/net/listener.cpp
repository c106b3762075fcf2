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

std::string path_remedy(int number) {
  switch (number) {
    case EADDRINUSE:
      return ": a file of that name exists and is no socket; remove it, or take another path";
    case ENOENT:
      return ": there is no such directory; make it, or take another path";
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

namespace {

/// Binds a Unix socket that does not listen yet, so that nobody can connect.
Result<Descriptor> bind_unix(const std::string& path) {
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
  remove_socket(path);
  if (bind(descriptor.number(), generic, sizeof address) == 0) return descriptor;
  return Error::permanent("listen on " + path + path_remedy(errno));
}

}  // namespace

// Nobody can connect before listen(), so the mode may be set after bind(). A umask would apply to
// the whole process, and also to files that other threads make meanwhile.
Result<Descriptor> listen_unix(const std::string& path, unsigned mode) {
  TRY(auto descriptor, bind_unix(path));
  if (chmod(path.c_str(), mode) != 0 || listen(descriptor.number(), backlog) != 0) {
    return Error::permanent("listen on " + path + path_remedy(errno));
  }
  return descriptor;
}

Result<Descriptor> listen_unix(const std::string& path, const SocketAccess& access) {
  TRY(auto descriptor, bind_unix(path));
  TRY_DO(give_access(path, access));
  if (listen(descriptor.number(), backlog) != 0) {
    return Error::permanent("listen on " + path + path_remedy(errno));
  }
  return descriptor;
}

// All is done to the file that was looked at. A socket with another name elsewhere is not ours.
Result<void> give_access(const std::string& path, const SocketAccess& access) {
  Descriptor file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!file || fstat(file.number(), &found) != 0) {
    return Error::permanent("listen on " + path + path_remedy(errno));
  }
  if (!S_ISSOCK(found.st_mode) || found.st_nlink != 1) {
    return Error::permanent("listen on " + path + ": something else was put in its place");
  }
  auto owner = access.owner.value_or(static_cast<uid_t>(-1));
  auto group = access.group.value_or(static_cast<gid_t>(-1));
  std::string itself = "/proc/self/fd/" + std::to_string(file.number());
  bool is_given = !access.owner && !access.group;
  is_given = is_given || fchownat(file.number(), "", owner, group, AT_EMPTY_PATH) == 0;
  if (is_given && chmod(itself.c_str(), access.mode) == 0) return {};
  return Error::permanent("listen on " + path +
                          ": its user, group and mode: " + std::strerror(errno));
}

void remove_socket(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) unlink(path.c_str());
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
