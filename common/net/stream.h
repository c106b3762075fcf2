// A non-blocking byte stream: a TCP or Unix socket, TLS over one, or a test's memory.
//
// try_read and try_write never wait; wait() does, with a deadline. Whatever ends the conversation
// (end of file, reset, TLS failure) is thrown as Disconnected.
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

  /// At least one byte, or nothing when none is there yet.
  virtual std::optional<std::size_t> try_read(std::span<char> into) = 0;
  enum class Input { None, Some, Over };
  /// Throws some of what is there away, where the conversation is over and what the peer still says
  /// does not matter. Over: it says no more. Throws no exception.
  virtual Input discard_input() = 0;
  /// How many bytes were taken, at least one; nothing when none can be now.
  virtual std::optional<std::size_t> try_write(std::string_view bytes) = 0;
  /// Until a try_read (Readable) or try_write (Writable) that answered nothing is worth repeating;
  /// false at the deadline.
  virtual Task<bool> wait(Poll::Event event, SteadyTime deadline) = 0;
  /// What is written from here on are the last words: they may leave together with shut_down().
  virtual void hold_back() {}
  /// Tells the peer that nothing follows (FIN, close_notify), without waiting.
  virtual void shut_down() = 0;
  /// Ends the conversation at once, both ways: whoever waits in it gets Disconnected.
  virtual void abort() = 0;
  /// True when what passes is encrypted.
  virtual bool is_secure() const { return false; }
};

/// A connected socket.
class Socket final : public Stream {
 public:
  /// Takes a descriptor that does not block.
  Socket(Loop& loop, Descriptor descriptor);
  /// Takes another process's, and makes it such a one.
  static std::unique_ptr<Socket> adopted(Loop& loop, Descriptor descriptor);
  /// Takes one that was accepted from `peer` just now: it is read from only once wait() says that
  /// something is there, as in most protocols the peer waits for us to speak.
  static std::unique_ptr<Socket> accepted(Loop& loop, Descriptor descriptor, Endpoint peer);
  ~Socket() override;

  std::optional<std::size_t> try_read(std::span<char> into) override;
  Input discard_input() override;
  std::optional<std::size_t> try_write(std::string_view bytes) override;
  Task<bool> wait(Poll::Event event, SteadyTime deadline) override;
  void hold_back() override { holds_back_ = true; }
  void shut_down() override;
  void abort() override;

  /// The peer's and our own end; 127.0.0.1 for a Unix socket.
  Endpoint peer() const;
  Endpoint local() const;
  int descriptor() const { return descriptor_.number(); }
  /// Gives the descriptor up, for another process; nobody may be waiting.
  Descriptor release();

  /// Connects by TCP. Errors are temporary: `connect to 192.0.2.1:25: Connection refused`.
  static Task<Result<std::unique_ptr<Socket>>> connect(Loop& loop, Endpoint to, Duration timeout,
                                                       std::optional<IpAddress> bind_to);
  /// Connects to a Unix socket.
  static Task<Result<std::unique_ptr<Socket>>> connect_unix(Loop& loop, std::string path,
                                                            Duration timeout);

 private:
  Poll& poll();
  Loop& loop_;
  Descriptor descriptor_;
  std::optional<Poll> poll_;
  std::optional<Endpoint> peer_;
  bool is_drained_ = false;  // the last read took all there was, and nobody has waited since
  bool holds_back_ = false;
};

/// Two streams in memory, each reading what the other writes: for tests.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_streams(Loop& loop);

}  // namespace pennypost
