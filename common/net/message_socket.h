// Sends and receives framed messages, optionally with descriptors, over a Unix stream socket, in
// order.
//
// Frame: u32 length of the body, u16 type, u16 number of descriptors, u64 id, then the body. The
// descriptors travel with the frame's first bytes.
//
// LIMITS  body_bytes_max, descriptors_max
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/async/nursery.h"
#include "common/base/descriptor.h"
#include "common/net/disconnected.h"

namespace pennypost {

struct Message {
  std::uint16_t type = 0;
  std::uint64_t id = 0;
  std::string body;
  std::vector<Descriptor> descriptors;
};

class MessageSocket {
 public:
  static constexpr std::size_t body_bytes_max = 64 * 1024 * 1024;
  static constexpr std::size_t descriptors_max = 16;

  /// `bytes_max` limits the bodies that this end accepts.
  MessageSocket(Loop& loop, Descriptor descriptor, std::size_t bytes_max = body_bytes_max);
  ~MessageSocket();

  /// The next message; throws Disconnected if the peer has gone or sends a malformed one.
  Task<Message> receive();
  /// Queues the message. It is sent, in order, when all tasks that are ready now have run, together
  /// with theirs. Never waits or throws; receive() reports a lost peer.
  void send(Message message);
  /// The bytes that the peer has not accepted yet.
  std::size_t unsent() const { return unsent_bytes_; }

 private:
  struct Outgoing {
    std::string bytes;
    std::vector<Descriptor> descriptors;
    std::size_t sent = 0;
  };
  bool send_front();
  Task<> send_all();
  std::optional<Message> next_buffered();
  /// False if there is nothing to read yet.
  bool receive_some();

  Loop& loop_;
  Descriptor descriptor_;
  Poll poll_;
  std::string input_;
  std::size_t consumed_ = 0;
  std::deque<Descriptor> received_;
  std::deque<Outgoing> outgoing_;
  std::size_t unsent_bytes_ = 0;
  std::size_t bytes_max_;
  bool is_drained_ = false;  // receive_some() would find nothing before the next wait
  bool broken_ = false;
  Nursery sender_;
};

/// Two connected sockets.
std::pair<Descriptor, Descriptor> socket_pair();

/// Writes or reads one frame, blocking, for processes without a loop (the master, command-line
/// programs). receive_blocking() returns nothing at the end of the stream.
Result<void> send_blocking(int socket, Message message);
Result<std::optional<Message>> receive_blocking(int socket);

}  // namespace pennypost
