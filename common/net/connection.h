// Reads lines and counted bytes from a Stream and buffers replies, for every dialogue.
//
// Reading uses a scratch buffer that all connections share; a connection owns memory only while
// bytes wait in it. Each wait, for reading or writing, lasts at most `timeout`; then it throws
// Disconnected. Several tasks may write: one at a time, whole calls of write() and flush() after
// each other. Only one may read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/net/stream.h"

namespace pennypost {

/// A received line; `text` is without the line end and valid until the next call that reads.
struct Line {
  std::string_view text;
  bool has_crlf;     // false: ended by a bare LF
  bool is_too_long;  // `text` has the first bytes, the rest was discarded
};

/// Sees all that is said to a peer, in the order in which it is said.
class OutputTap {
 public:
  virtual ~OutputTap() = default;
  virtual void said(std::string_view bytes) = 0;
};

class Connection {
 public:
  Connection(Loop& loop, std::unique_ptr<Stream> stream, Duration timeout);

  Loop& loop() { return loop_; }
  Stream& stream() { return *stream_; }
  /// Sets the limit for each wait from now on.
  void set_timeout(Duration timeout) { timeout_ = timeout; }
  /// Sets a time beyond which it never waits, whatever the timeout; SteadyTime::max() for none.
  void set_deadline(SteadyTime deadline) { deadline_ = deadline; }
  SteadyTime deadline() const { return deadline_; }

  /// The next line. Its text is at most `bytes_max` long; a longer line is read to its end and
  /// marked. Pending output is sent before waiting.
  Task<Line> line(std::size_t bytes_max);
  /// Returns when at least one byte is buffered().
  Task<> fill();
  std::string_view buffered() const { return std::string_view(input_).substr(consumed_); }
  void consume(std::size_t count);
  bool has_input() const { return consumed_ < input_.size(); }
  /// Removes and returns the input that the client has already sent: to discard it at STARTTLS, or
  /// to hand it over.
  std::string take_input();
  void prepend_input(std::string_view bytes);

  /// Adds to what the next flush sends. Call flush() soon once there are more than 64 KiB.
  void put(std::string_view bytes) {
    if (tap_ != nullptr) tap_->said(bytes);
    output_ += bytes;
  }
  std::size_t unsent() const { return output_.size(); }
  Task<> flush();
  /// put() and flush() without copying, for large data.
  Task<> write(std::string_view bytes);

  /// From now on `tap` sees what is put and written; null: nobody does.
  void set_tap(std::unique_ptr<OutputTap> tap) { tap_ = std::move(tap); }
  OutputTap* tap() { return tap_.get(); }

  /// Sends pending output, tells the peer that nothing follows, and waits until it closes, at most
  /// `limit`: closing with unread input would reset the connection, and our last reply could be
  /// lost. Only the sending throws.
  Task<> hang_up(Duration limit);
  /// The same if the peer has asked to end the session and should send nothing more: waits only if
  /// it has sent more.
  Task<> part(Duration limit);

  /// Replaces the stream, as STARTTLS does, and returns the old one.
  std::unique_ptr<Stream> exchange_stream(std::unique_ptr<Stream> stream);

 private:
  class Writing;  // while it lives, other writers wait

  Task<> read_more();
  Task<> free_to_write();
  Task<> send(std::string_view bytes);
  bool try_flush();
  SteadyTime wait_until() const;
  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  Duration timeout_;
  SteadyTime deadline_ = SteadyTime::max();
  std::string input_;
  std::size_t consumed_ = 0;
  std::string output_;
  bool is_writing_ = false;
  Event written_;
  std::unique_ptr<OutputTap> tap_;
};

}  // namespace pennypost
