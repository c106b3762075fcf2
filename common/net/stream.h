// Defines non-blocking byte streams: a TCP or Unix socket, TLS over one, or memory for tests.
//
// try_read and try_write never wait; wait() does, with a deadline. The end of the conversation (end
// of file, reset, TLS failure) is thrown as Disconnected.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/async/loop.h"
#include "common/async/task.h"
#include "common/base/descriptor.h"
#include "common/net/address.h"
#include "common/net/disconnected.h"

namespace pennypost {

class Stream {
 public:
  virtual ~Stream() = default;

  /// Reads at least one byte, or returns nothing if there is none yet.
  virtual std::optional<std::size_t> try_read(std::span<char> into) = 0;
  enum class Input { None, Some, Over };
  /// Discards some input after the end of the conversation, when it no longer matters. Over: no
  /// more will follow. Never throws.
  virtual Input discard_input() = 0;
  /// How many bytes were written, at least one; nothing if none can be written now.
  virtual std::optional<std::size_t> try_write(std::string_view bytes) = 0;
  /// Waits until a try_read (Readable) or try_write (Writable) that returned nothing is worth
  /// repeating; false at the deadline.
  virtual Task<bool> wait(Poll::Event event, SteadyTime deadline) = 0;
  /// The data written from now on is the last; it may be sent together with shut_down().
  virtual void hold_back() {}
  /// Tells the peer that nothing follows (FIN, close_notify), without waiting.
  virtual void shut_down() = 0;
  /// Ends the conversation at once in both directions; tasks that wait in it get Disconnected.
  virtual void abort() = 0;
  /// Whether the stream is encrypted.
  virtual bool is_secure() const { return false; }
};

/// A connected socket.
class Socket final : public Stream {
 public:
  /// Takes ownership of a non-blocking descriptor.
  Socket(Loop& loop, Descriptor descriptor);
  /// Takes a descriptor from another process and makes it non-blocking.
  static std::unique_ptr<Socket> adopted(Loop& loop, Descriptor descriptor);
  /// Takes a descriptor that was just accepted from `peer`. It is not read before wait() reports
  /// input, since in most protocols the client waits for our greeting.
  static std::unique_ptr<Socket> accepted(Loop& loop, Descriptor descriptor, Endpoint peer);
  ~Socket() override;

  std::optional<std::size_t> try_read(std::span<char> into) override;
  Input discard_input() override;
  std::optional<std::size_t> try_write(std::string_view bytes) override;
  Task<bool> wait(Poll::Event event, SteadyTime deadline) override;
  void hold_back() override { holds_back_ = true; }
  void shut_down() override;
  void abort() override;

  /// The peer's and our own address; 127.0.0.1 for a Unix socket.
  Endpoint peer() const;
  Endpoint local() const;
  int descriptor() const { return descriptor_.number(); }
  /// Releases the descriptor, to pass it to another process; no task may be waiting.
  Descriptor release();

  /// Connects by TCP. Errors are temporary: `connect to 192.0.2.1:25: Connection refused`.
  static Task<Result<std::unique_ptr<Socket>>> connect(Loop& loop, Endpoint to, Duration timeout,
                                                       std::optional<IpAddress> bind_to);

 private:
  Poll& poll();
  Loop& loop_;
  Descriptor descriptor_;
  std::optional<Poll> poll_;
  std::optional<Endpoint> peer_;
  bool is_drained_ = false;  // the last read took everything, and there was no wait since
  bool holds_back_ = false;
};

/// Two streams in memory, each of which reads what the other writes; for tests.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_streams(Loop& loop);

}  // namespace pennypost
