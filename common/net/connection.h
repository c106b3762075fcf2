// Reads lines and counted bytes from a Stream and buffers replies: every dialogue runs over a
// Connection.
//
// Reading goes through a scratch buffer shared by the process; a connection owns memory only while
// bytes wait in it. Each wait, for reading or writing, lasts at most `timeout`; then Disconnected.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/net/stream.h"

namespace pennypost {

/// A line as it came; `text` is without its end and valid until the next call that reads.
struct Line {
  std::string_view text;
  bool has_crlf;     // false: ended by a bare LF
  bool is_too_long;  // `text` holds the first bytes, the rest was thrown away
};

class Connection {
 public:
  Connection(Loop& loop, std::unique_ptr<Stream> stream, Duration timeout);

  Loop& loop() { return loop_; }
  Stream& stream() { return *stream_; }
  /// For each wait from now on.
  void set_timeout(Duration timeout) { timeout_ = timeout; }
  /// Never wait beyond this, whatever the timeout; SteadyTime::max() for no such bound.
  void set_deadline(SteadyTime deadline) { deadline_ = deadline; }
  SteadyTime deadline() const { return deadline_; }

  /// The next line. Its text is at most `bytes_max` long; a longer line is read to its end and
  /// marked. What put() gathered is sent before waiting.
  Task<Line> line(std::size_t bytes_max);
  /// Returns when at least one byte is buffered().
  Task<> fill();
  std::string_view buffered() const { return std::string_view(input_).substr(consumed_); }
  void consume(std::size_t count);
  bool has_input() const { return consumed_ < input_.size(); }
  /// What the client sent ahead, taken out: to be thrown away at STARTTLS, or to travel along.
  std::string take_input();
  void prepend_input(std::string_view bytes);

  /// Adds to what the next flush sends. Above a bound of 64 KiB call flush() soon.
  void put(std::string_view bytes) { output_ += bytes; }
  std::size_t unsent() const { return output_.size(); }
  Task<> flush();
  /// put() and flush() without the copy, for bulk.
  Task<> write(std::string_view bytes);

  /// Sends what is unsent, tells the peer that nothing follows, and waits until it closes, `limit`
  /// at most: closing with unread input would reset the connection, and our last words could be
  /// lost on the way. Only the sending throws.
  Task<> hang_up(Duration limit);
  /// The same where the peer has asked for the end, so that it has nothing more to say: waits only
  /// if it did say more.
  Task<> part(Duration limit);

  /// Puts another stream in place, as STARTTLS does; the old one is what `wrap` got.
  std::unique_ptr<Stream> exchange_stream(std::unique_ptr<Stream> stream);

 private:
  Task<> read_more();
  bool try_flush();
  SteadyTime wait_until() const;
  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  Duration timeout_;
  SteadyTime deadline_ = SteadyTime::max();
  std::string input_;
  std::size_t consumed_ = 0;
  std::string output_;
};

}  // namespace pennypost
