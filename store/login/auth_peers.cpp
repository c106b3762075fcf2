#include "store/login/auth_peers.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/log/log.h"
#include "common/net/message_socket.h"
#include "common/net/unix_address.h"

namespace pennypost::store {
namespace {

constexpr std::size_t datagrams_per_turn_max = 64;
constexpr Duration retry_pause{10};
constexpr int command_wait_ms = 5000;
constexpr std::uint16_t type_answer = 16;

Error failed(const std::string& what) {
  return Error::permanent(what + ": " + std::strerror(errno));
}

Result<sockaddr_un> address_of(const std::string& directory, const std::string& name) {
  auto address = unix_address(directory + "/" + name);
  if (address) return address;
  return Error::permanent(address.error().text() + "; choose a shorter base_dir");
}

/// The names of the sockets in a directory.
Result<std::vector<std::string>> names_in(const std::string& directory) {
  DIR* entries = ::opendir(directory.c_str());
  if (entries == nullptr) return failed(directory);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries)) {
    std::string name(entry->d_name);
    if (is_peer_name(name) && names.size() < AuthPeers::peers_max) names.push_back(name);
  }
  ::closedir(entries);
  return names;
}

/// One datagram, with a descriptor for the reply if there is one. False with errno.
bool send_datagram(int socket, const sockaddr_un& to, std::string_view bytes, int reply) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_name = const_cast<sockaddr_un*>(&to);
  header.msg_namelen = sizeof to;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (reply >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &reply, sizeof reply);
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

Descriptor datagram_socket() {
  return Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// The descriptor that came with a datagram; further ones are closed. `is_ours`: the sender's uid
/// is ours or root's.
Descriptor take_control(msghdr& header, bool& is_ours) {
  Descriptor reply;
  is_ours = false;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET) continue;
    if (item->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(item), sizeof sender);
      is_ours = sender.uid == ::geteuid() || sender.uid == 0;
    } else if (item->cmsg_type == SCM_RIGHTS) {
      auto bytes = item->cmsg_len - CMSG_LEN(0);
      for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(item) + at, sizeof number);
        reply = Descriptor(number);
      }
    }
  }
  return reply;
}

}  // namespace

std::string auth_socket_directory(const Config& config) { return config.base_dir + "/auth"; }

AuthPeers::AuthPeers(Loop& loop, LoginThrottle& throttle, std::string directory)
    : loop_(loop),
      throttle_(throttle),
      directory_(std::move(directory)),
      name_(hex_encode(random_bytes(peer_name_bytes / 2))),
      sender_(loop),
      replies_(loop),
      tasks_(loop) {}

AuthPeers::~AuthPeers() { close(); }

Result<void> AuthPeers::open() {
  TRY(auto address, address_of(directory_, name_));
  TRY(auto names, names_in(directory_));
  Descriptor made = datagram_socket();
  if (!made) return failed("socket");
  int on = 1;
  if (::setsockopt(made.number(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return failed("SO_PASSCRED");
  }
  if (::bind(made.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return failed(address.sun_path);
  }
  socket_ = std::move(made);
  poll_.emplace(loop_, socket_.number());
  tasks_.start(receive());
  // A process that makes its socket from now on will greet us.
  TRY(names, names_in(directory_));
  for (const auto& name : names) {
    if (name != name_) greet(name);
  }
  return {};
}

void AuthPeers::close() {
  if (!socket_) return;
  sender_.cancel();
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    auto& [name, state] = *peer++;
    send_to(std::string(name), state);
  }
  tasks_.cancel();
  replies_.cancel();
  poll_.reset();
  socket_.close();
  ::unlink((directory_ + "/" + name_).c_str());
}

/// A process that no longer listens has left only the name of its socket.
void AuthPeers::greet(const std::string& name) {
  auto address = address_of(directory_, name);
  if (!address) return;
  auto [ours, theirs] = socket_pair();
  AuthNotice hello;
  hello.kind = AuthNotice::Kind::Hello;
  hello.name = name_;
  if (send_datagram(socket_.number(), *address, encode(hello), theirs.number())) {
    peers_.try_emplace(name);
    replies_.start(learn(std::move(ours)));
  } else if (errno == ECONNREFUSED) {
    ::unlink(address->sun_path);
  }
}

Task<> AuthPeers::learn(Descriptor reply) {
  MessageSocket socket(loop_, std::move(reply), state_bytes_max);
  try {
    auto receiving = socket.receive();
    auto message = co_await within(loop_, reply_time, std::move(receiving));
    if (!message) co_return;
    auto entries = parse_state(message->body);
    if (!entries) {
      log_warning("auth", entries.error().text());
      co_return;
    }
    for (const auto& entry : *entries) throttle_.merge(entry);
    ++changes_;
  } catch (const Disconnected&) {
    // It has gone; the others have the same state.
  }
}

// Events

bool AuthPeers::apply(const AuthEvent& event) {
  ++changes_;
  if (!event.is_success) return throttle_.failed(event.client, event.login, event.when);
  throttle_.succeeded(event.client, event.login, event.when);
  return false;
}

bool AuthPeers::note(AuthEvent event) {
  if (event.is_success && !throttle_.is_news(event.client, event.login)) return false;
  bool blocks = apply(event);
  for (auto& [name, peer] : peers_) {
    if (peer.gathered.size() >= gathered_max) peer.gathered.pop_front();
    peer.gathered.push_back(event);
  }
  if (socket_ && sender_.empty()) sender_.start(send_gathered());
  return blocks;
}

Task<> AuthPeers::send_gathered() {
  co_await loop_.turn_end();
  for (;;) {
    bool is_all = true;
    for (auto next = peers_.begin(); next != peers_.end();) {
      auto& [name, peer] = *next++;
      if (!send_to(std::string(name), peer)) is_all = false;
    }
    if (is_all) co_return;
    co_await loop_.sleep(retry_pause);
  }
}

bool AuthPeers::send_to(const std::string& name, Peer& peer) {
  auto address = address_of(directory_, name);
  while (address && !peer.gathered.empty()) {
    AuthNotice notice;
    auto count = static_cast<std::ptrdiff_t>(std::min(peer.gathered.size(), events_max));
    notice.events.assign(peer.gathered.begin(), peer.gathered.begin() + count);
    if (!send_datagram(socket_.number(), *address, encode(notice), -1)) {
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR) {
        return false;
      }
      if (errno == ECONNREFUSED) ::unlink(address->sun_path);
      peers_.erase(name);
      return true;
    }
    peer.gathered.erase(peer.gathered.begin(), peer.gathered.begin() + count);
  }
  return true;
}

// Datagrams from others

Task<> AuthPeers::receive() {
  for (;;) {
    co_await poll_->ready(Poll::Event::Readable, SteadyTime::max());
    for (std::size_t i = 0; i < datagrams_per_turn_max; ++i) {
      auto datagram = receive_one();
      if (!datagram) break;
      take(*std::move(datagram));
    }
  }
}

std::optional<AuthPeers::Datagram> AuthPeers::receive_one() {
  // One byte more than is allowed, to detect a datagram that is too long.
  std::string bytes(notice_bytes_max + 1, '\0');
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 4)>
      control{};
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto count = ::recvmsg(socket_.number(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return {};
  bool is_ours = false;
  Datagram datagram;
  datagram.reply = take_control(header, is_ours);
  if (!is_ours) {
    if (!std::exchange(has_refused_, true)) {
      log_warning("auth", "a datagram of another user in " + directory_ + " is refused");
    }
    return datagram;  // empty, which take() ignores
  }
  bytes.resize(static_cast<std::size_t>(count));
  datagram.bytes = std::move(bytes);
  return datagram;
}

void AuthPeers::take(Datagram datagram) {
  if (datagram.bytes.empty()) return;
  auto notice = parse_notice(datagram.bytes);
  if (!notice) {
    log_warning("auth", notice.error().text());
    return;
  }
  switch (notice->kind) {
    case AuthNotice::Kind::Events:
      for (const auto& event : notice->events) apply(event);
      break;
    case AuthNotice::Kind::Hello:
      if (peers_.size() < peers_max) peers_.try_emplace(notice->name);
      answer(std::move(datagram.reply), encode_state(throttle_.entries()));
      break;
    case AuthNotice::Kind::State:
      answer(std::move(datagram.reply), encode_state(throttle_.entries()));
      break;
    case AuthNotice::Kind::Lift:
      ++changes_;
      answer(std::move(datagram.reply), std::to_string(throttle_.lift(notice->text)));
      break;
  }
}

void AuthPeers::answer(Descriptor reply, std::string body) {
  struct stat status {};
  bool is_socket = reply && ::fstat(reply.number(), &status) == 0 && S_ISSOCK(status.st_mode);
  if (!is_socket || replies_.size() >= replies_max) return;
  replies_.start(give(std::move(reply), std::move(body)));
}

Task<> AuthPeers::give(Descriptor reply, std::string body) {
  MessageSocket socket(loop_, std::move(reply));
  Message message;
  message.type = type_answer;
  message.body = std::move(body);
  socket.send(std::move(message));
  auto end = loop_.now() + reply_time;
  while (socket.unsent() > 0 && loop_.now() < end) co_await loop_.sleep(retry_pause);
}

// The command's side

Result<std::vector<std::string>> ask_auth_processes(const std::string& directory,
                                                    const AuthNotice& question) {
  TRY(auto names, names_in(directory));
  Descriptor socket = datagram_socket();
  if (!socket) return failed("socket");
  std::vector<Descriptor> waiting;
  for (const auto& name : names) {
    TRY(auto address, address_of(directory, name));
    auto [ours, theirs] = socket_pair();
    if (send_datagram(socket.number(), address, encode(question), theirs.number())) {
      waiting.push_back(std::move(ours));
    }
  }
  std::vector<std::string> bodies;
  for (auto& reply : waiting) {
    pollfd ready{reply.number(), POLLIN, 0};
    if (::poll(&ready, 1, command_wait_ms) <= 0) continue;
    timeval limit{command_wait_ms / 1000, 0};
    ::setsockopt(reply.number(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    auto message = receive_blocking(reply.number());
    if (message && *message) bodies.push_back(std::move((*message)->body));
  }
  return bodies;
}

}  // namespace pennypost::store
