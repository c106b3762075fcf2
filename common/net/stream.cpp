#include "common/net/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/net/scratch.h"

namespace pennypost {
namespace {

[[noreturn]] void throw_errno(int number) {
  throw Disconnected(Disconnected::Reason::Error, std::strerror(number));
}

Task<Result<std::unique_ptr<Socket>>> finish_connect(Loop& loop, Descriptor descriptor, int status,
                                                     std::string to, Duration timeout) {
  int problem = status == 0 ? 0 : errno;
  auto socket = std::make_unique<Socket>(loop, std::move(descriptor));
  if (problem == EINPROGRESS || problem == EAGAIN) {
    auto deadline = std::chrono::steady_clock::now() + timeout;
    bool ready = co_await socket->wait(Poll::Event::Writable, deadline);
    if (!ready) {
      problem = ETIMEDOUT;
    } else {
      socklen_t size = sizeof problem;
      getsockopt(socket->descriptor(), SOL_SOCKET, SO_ERROR, &problem, &size);
    }
  }
  if (problem != 0) {
    co_return Error::temporary("connect to " + to + ": " + std::strerror(problem));
  }
  co_return std::move(socket);
}

}  // namespace

Socket::Socket(Loop& loop, Descriptor descriptor)
    : loop_(loop), descriptor_(std::move(descriptor)) {}

std::unique_ptr<Socket> Socket::adopted(Loop& loop, Descriptor descriptor) {
  int flags = fcntl(descriptor.number(), F_GETFL);
  fcntl(descriptor.number(), F_SETFL, flags | O_NONBLOCK);
  return std::make_unique<Socket>(loop, std::move(descriptor));
}

std::unique_ptr<Socket> Socket::accepted(Loop& loop, Descriptor descriptor, Endpoint peer) {
  auto socket = std::make_unique<Socket>(loop, std::move(descriptor));
  socket->peer_ = peer;
  socket->is_drained_ = true;
  return socket;
}

Socket::~Socket() { poll_.reset(); }

Poll& Socket::poll() {
  if (!poll_) poll_.emplace(loop_, descriptor_.number());
  return *poll_;
}

std::optional<std::size_t> Socket::try_read(std::span<char> into) {
  // If the buffer was not filled, that was all there is; wait() tells when there is more.
  if (is_drained_) return {};
  for (;;) {
    auto count = recv(descriptor_.number(), into.data(), into.size(), 0);
    is_drained_ = count > 0 && static_cast<std::size_t>(count) < into.size();
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) throw Disconnected(Disconnected::Reason::Eof, "lost connection");
    is_drained_ = errno == EAGAIN || errno == EWOULDBLOCK;
    if (is_drained_) return {};
    if (errno != EINTR) throw_errno(errno);
  }
}

Stream::Input Socket::discard_input() {
  auto into = scratch();
  auto count = recv(descriptor_.number(), into.data(), into.size(), 0);
  if (count > 0) return Input::Some;
  bool is_open = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return is_open ? Input::None : Input::Over;
}

std::optional<std::size_t> Socket::try_write(std::string_view bytes) {
  int flags = holds_back_ ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  for (;;) {
    auto count = send(descriptor_.number(), bytes.data(), bytes.size(), flags);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    if (errno != EINTR) throw_errno(errno);
  }
}

Task<bool> Socket::wait(Poll::Event event, SteadyTime deadline) {
  bool is_ready = co_await poll().ready(event, deadline);
  if (event == Poll::Event::Readable) is_drained_ = false;
  co_return is_ready;
}

void Socket::shut_down() { ::shutdown(descriptor_.number(), SHUT_WR); }

void Socket::abort() { ::shutdown(descriptor_.number(), SHUT_RDWR); }

Endpoint Socket::peer() const {
  if (peer_) return *peer_;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getpeername(descriptor_.number(), reinterpret_cast<sockaddr*>(&address), &size);
  return Endpoint::from(address);
}

Endpoint Socket::local() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(descriptor_.number(), reinterpret_cast<sockaddr*>(&address), &size);
  return Endpoint::from(address);
}

Descriptor Socket::release() {
  poll_.reset();
  return std::move(descriptor_);
}

Task<Result<std::unique_ptr<Socket>>> Socket::connect(Loop& loop, Endpoint to, Duration timeout,
                                                      std::optional<IpAddress> bind_to) {
  sockaddr_storage address{};
  int family = to.address().is_v4() ? AF_INET : AF_INET6;
  Descriptor descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor) co_return Error::temporary(std::string("socket: ") + std::strerror(errno));
  int on = 1;
  setsockopt(descriptor.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind_to) {
    socklen_t size = Endpoint(*bind_to, 0).fill(address);
    if (bind(descriptor.number(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
      co_return Error::temporary("bind to " + bind_to->text() + ": " + std::strerror(errno));
    }
  }
  socklen_t size = to.fill(address);
  int status = ::connect(descriptor.number(), reinterpret_cast<sockaddr*>(&address), size);
  auto rest = finish_connect(loop, std::move(descriptor), status, to.text(), timeout);
  co_return co_await std::move(rest);
}

// Memory: each direction is one text with an event.

namespace {

struct Pipe {
  explicit Pipe(Loop& loop) : filled(loop) {}
  std::string bytes;
  bool closed = false;
  Event filled;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(Loop& loop, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : loop_(loop), in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override {
    shut_down();
    in_->closed = true;
  }

  std::optional<std::size_t> try_read(std::span<char> into) override {
    if (in_->bytes.empty()) {
      if (in_->closed) throw Disconnected(Disconnected::Reason::Eof, "lost connection");
      return {};
    }
    std::size_t count = std::min(into.size(), in_->bytes.size());
    std::memcpy(into.data(), in_->bytes.data(), count);
    in_->bytes.erase(0, count);
    return count;
  }

  Input discard_input() override {
    if (in_->closed) return Input::Over;
    if (in_->bytes.empty()) return Input::None;
    in_->bytes.clear();
    return Input::Some;
  }

  std::optional<std::size_t> try_write(std::string_view bytes) override {
    if (out_->closed) throw Disconnected(Disconnected::Reason::Error, "Broken pipe");
    out_->bytes += bytes;
    out_->filled.notify_all();
    return bytes.size();
  }

  Task<bool> wait(Poll::Event event, SteadyTime deadline) override {
    if (event == Poll::Event::Writable || !in_->bytes.empty() || in_->closed) co_return true;
    if (deadline == SteadyTime::max()) {
      co_await in_->filled.wait();
      co_return true;
    }
    auto left = std::chrono::ceil<Duration>(deadline - std::chrono::steady_clock::now());
    auto filled = wait_filled(in_);
    co_return co_await within(loop_, left, std::move(filled));
  }

  void shut_down() override {
    out_->closed = true;
    out_->filled.notify_all();
  }
  void abort() override {
    shut_down();
    in_->closed = true;
    in_->filled.notify_all();
  }

 private:
  static Task<> wait_filled(std::shared_ptr<Pipe> pipe) { co_await pipe->filled.wait(); }
  Loop& loop_;
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_streams(Loop& loop) {
  auto there = std::make_shared<Pipe>(loop);
  auto back = std::make_shared<Pipe>(loop);
  return {std::make_unique<MemoryStream>(loop, there, back),
          std::make_unique<MemoryStream>(loop, back, there)};
}

}  // namespace pennypost
