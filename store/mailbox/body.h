// Reads a message that is given in pieces as one stream with LF line ends.
//
// CRLF becomes LF, also across two pieces; a CR elsewhere stays as it is. This is how mail is
// stored on disk, as by Postfix and Dovecot; MessageReader converts it back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

/// Takes a block; its Error ends the walk.
using BlockSink = std::function<Result<void>(std::string_view)>;

/// Calls `sink` with all bytes of `pieces` in blocks of at most 64 KiB, line ends converted. A
/// FileRange that ends early is an error: a queue file cut short must never become a short message.
Result<void> for_each_block(const Pieces& pieces, const BlockSink& sink);

/// The size of `pieces` before the conversion.
std::uint64_t octets_of(const Pieces& pieces);

/// Counts the size of a text with LF or CRLF line ends, as stored and as shown.
class LineEndCounter {
 public:
  void count(std::string_view block);
  std::uint64_t stored_bytes() const { return bytes_; }
  /// The size with every line end as CRLF.
  std::uint64_t octets() const { return bytes_ + bare_line_feeds_; }

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t bare_line_feeds_ = 0;
  char last_ = 0;
};

/// A value for a header line that the store adds: without control characters, so that it stays one
/// line.
std::string header_value(std::string_view text);

}  // namespace pennypost::store
