// Reads a queued message in order for a client that sends it: its pieces, and its body from memory
// or a file.
//
// SEE ALSO   ../queue/envelope.h (Piece)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t source_chunk_bytes = 128 * 1024;

class MessageSource {
 public:
  /// `file` holds the body if envelope.body_is_file.
  MessageSource(const Envelope& envelope, std::string body, Descriptor file);
  /// A message that is in memory as a whole.
  explicit MessageSource(std::string whole);

  std::uint64_t size() const { return size_; }
  /// The size with each line end counted as CRLF (RFC 1870 section 5).
  std::uint64_t octets() const { return octets_; }
  /// Starts again from the beginning.
  void rewind();
  /// The next bytes, valid until the next call; empty at the end. Error 451 4.3.0: the file is
  /// shorter than the envelope says, or can't be read.
  Task<Result<std::string_view>> next(Loop& loop);
  /// The whole message; Error 554 5.3.4 if it is larger than `bytes_max`. Rewinds.
  Task<Result<std::string>> whole(Loop& loop, std::size_t bytes_max);
  /// The header with its empty line, at most `bytes_max`. Rewinds.
  Task<Result<std::string>> header(Loop& loop, std::size_t bytes_max);

 private:
  std::vector<Piece> pieces_;
  std::string body_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t octets_ = 0;
  std::size_t piece_ = 0;
  std::uint64_t done_ = 0;  // how much of the current piece
  std::string chunk_;
};

}  // namespace pennypost::smtp
