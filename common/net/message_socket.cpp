#include "common/net/message_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/net/scratch.h"

namespace pennypost {
namespace {

struct Header {
  std::uint32_t body_bytes;
  std::uint16_t type;
  std::uint16_t descriptors;
  std::uint64_t id;
};
static_assert(sizeof(Header) == 16);

constexpr std::size_t kept_bytes_max = 4096;
constexpr std::size_t frames_per_call_max = 64;

std::string frame(const Message& message) {
  ASSERT(message.body.size() <= MessageSocket::body_bytes_max);
  ASSERT(message.descriptors.size() <= MessageSocket::descriptors_max);
  Header header{static_cast<std::uint32_t>(message.body.size()), message.type,
                static_cast<std::uint16_t>(message.descriptors.size()), message.id};
  std::string bytes;
  bytes.reserve(sizeof header + message.body.size());
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes.append(message.body);
}

/// Calls sendmsg once; returns the count, or -1 with errno.
ssize_t send_some(int socket, std::span<iovec> parts, const std::vector<Descriptor>& descriptors) {
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * MessageSocket::descriptors_max)>
      control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    auto* numbers = reinterpret_cast<int*>(CMSG_DATA(rights));
    for (const auto& descriptor : descriptors) *numbers++ = descriptor.number();
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL);
}

iovec part_of(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

/// Calls recvmsg once, and appends the descriptors that came.
ssize_t receive_once(int socket, std::span<char> into, std::deque<Descriptor>& descriptors,
                     int flags) {
  iovec part{into.data(), into.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * MessageSocket::descriptors_max)>
      control;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t count = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  if (count <= 0) return count;
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr;
       rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    std::size_t number = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const auto* numbers = reinterpret_cast<const int*>(CMSG_DATA(rights));
    for (std::size_t i = 0; i < number; ++i) descriptors.emplace_back(numbers[i]);
  }
  return count;
}

[[noreturn]] void throw_nonsense() {
  throw Disconnected(Disconnected::Reason::Error, "malformed message between processes");
}

/// Removes a message from `input` at `consumed`; nothing if it is not complete yet.
std::optional<Message> take_message(std::string_view input, std::size_t& consumed,
                                    std::deque<Descriptor>& descriptors,
                                    std::size_t bytes_max = MessageSocket::body_bytes_max) {
  auto bytes = input.substr(consumed);
  Header header;
  if (bytes.size() < sizeof header) return {};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.body_bytes > bytes_max) throw_nonsense();
  if (bytes.size() < sizeof header + header.body_bytes) return {};
  if (header.descriptors > descriptors.size()) throw_nonsense();
  Message message;
  message.type = header.type;
  message.id = header.id;
  message.body = bytes.substr(sizeof header, header.body_bytes);
  for (int i = 0; i < header.descriptors; ++i) {
    message.descriptors.push_back(std::move(descriptors.front()));
    descriptors.pop_front();
  }
  consumed += sizeof header + header.body_bytes;
  return message;
}

}  // namespace

MessageSocket::MessageSocket(Loop& loop, Descriptor descriptor, std::size_t bytes_max)
    : loop_(loop),
      descriptor_(std::move(descriptor)),
      poll_(loop, descriptor_.number()),
      bytes_max_(bytes_max),
      sender_(loop) {
  int flags = fcntl(descriptor_.number(), F_GETFL);
  fcntl(descriptor_.number(), F_SETFL, flags | O_NONBLOCK);
}

/// Messages that wait for the end of this turn are still sent, if the socket accepts them.
MessageSocket::~MessageSocket() {
  sender_.cancel();
  while (!outgoing_.empty() && send_front()) {
  }
}

std::optional<Message> MessageSocket::next_buffered() {
  auto message = take_message(input_, consumed_, received_, bytes_max_);
  if (consumed_ == input_.size()) {
    consumed_ = 0;
    if (input_.capacity() > kept_bytes_max) {
      std::string().swap(input_);
    } else {
      input_.clear();
    }
  }
  return message;
}

bool MessageSocket::receive_some() {
  auto bytes = scratch();
  auto count = receive_once(descriptor_.number(), bytes, received_, 0);
  if (count < 0 && errno == EINTR) return true;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (count < 0) throw Disconnected(Disconnected::Reason::Error, std::strerror(errno));
  if (count == 0) throw Disconnected(Disconnected::Reason::Eof, "the peer process has gone");
  // If the buffer was not filled, that was all there is, or all up to a descriptor.
  is_drained_ = static_cast<std::size_t>(count) < bytes.size();
  // Too many descriptors that belong to no frame: the peer is trying to exhaust ours.
  if (received_.size() > 4 * MessageSocket::descriptors_max) throw_nonsense();
  if (consumed_ > 0) {
    input_.erase(0, consumed_);
    consumed_ = 0;
  }
  input_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

Task<Message> MessageSocket::receive() {
  for (;;) {
    auto message = next_buffered();
    if (message) co_return *std::move(message);
    while (is_drained_ || !receive_some()) {
      co_await poll_.ready(Poll::Event::Readable, SteadyTime::max());
      is_drained_ = false;
    }
  }
}

void MessageSocket::send(Message message) {
  if (broken_) return;
  Outgoing outgoing;
  outgoing.bytes = frame(message);
  outgoing.descriptors = std::move(message.descriptors);
  unsent_bytes_ += outgoing.bytes.size();
  outgoing_.push_back(std::move(outgoing));
  if (sender_.empty()) sender_.start(send_all());
}

/// Sends as many frames from the front as one call takes; descriptors go with the first. False if
/// the socket accepts nothing now.
bool MessageSocket::send_front() {
  std::array<iovec, frames_per_call_max> parts;
  std::size_t count = 0;
  for (const auto& outgoing : outgoing_) {
    if (count == parts.size() || (count > 0 && !outgoing.descriptors.empty())) break;
    parts[count++] = part_of(std::string_view(outgoing.bytes).substr(outgoing.sent));
  }
  auto sent =
      send_some(descriptor_.number(), std::span(parts).first(count), outgoing_.front().descriptors);
  if (sent < 0 && errno == EINTR) return true;
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (sent < 0) {
    // receive() will report it.
    broken_ = true;
    outgoing_.clear();
    unsent_bytes_ = 0;
    return true;
  }
  unsent_bytes_ -= static_cast<std::size_t>(sent);
  if (sent > 0) outgoing_.front().descriptors.clear();
  for (auto left = static_cast<std::size_t>(sent); left > 0;) {
    auto& first = outgoing_.front();
    auto part = std::min(left, first.bytes.size() - first.sent);
    first.sent += part;
    left -= part;
    if (first.sent == first.bytes.size()) outgoing_.pop_front();
  }
  return true;
}

/// Begins at the end of the turn, so that all messages of the turn are sent together.
Task<> MessageSocket::send_all() {
  co_await loop_.turn_end();
  while (!outgoing_.empty()) {
    bool progress = send_front();
    if (!progress) co_await poll_.ready(Poll::Event::Writable, SteadyTime::max());
  }
}

std::pair<Descriptor, Descriptor> socket_pair() {
  int ends[2];
  ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Result<void> send_blocking(int socket, Message message) {
  std::string bytes = frame(message);
  std::string_view rest = bytes;
  while (!rest.empty()) {
    iovec part = part_of(rest);
    auto count = send_some(socket, std::span(&part, 1), message.descriptors);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::temporary(std::string("send: ") + std::strerror(errno));
    message.descriptors.clear();
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::optional<Message>> receive_blocking(int socket) {
  // Reads exactly one frame, header first, so that nothing of the next one is read.
  std::string input;
  std::deque<Descriptor> descriptors;
  std::size_t wanted = sizeof(Header);
  std::array<char, 65536> scratch;
  while (input.size() < wanted) {
    auto room = std::span(scratch).first(std::min(scratch.size(), wanted - input.size()));
    auto count = receive_once(socket, room, descriptors, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::temporary(std::string("receive: ") + std::strerror(errno));
    if (count == 0) {
      if (input.empty()) return std::optional<Message>();
      return Error::temporary("receive: the peer process has gone");
    }
    input.append(scratch.data(), static_cast<std::size_t>(count));
    if (input.size() == sizeof(Header)) {
      Header header;
      std::memcpy(&header, input.data(), sizeof header);
      if (header.body_bytes > MessageSocket::body_bytes_max) {
        return Error::temporary("receive: malformed message");
      }
      wanted += header.body_bytes;
    }
  }
  std::size_t consumed = 0;
  try {
    return take_message(input, consumed, descriptors);
  } catch (const Disconnected& nonsense) {
    return Error::temporary("receive: " + nonsense.text());
  }
}

}  // namespace pennypost
