// Reads a stored message with CRLF line ends, from any offset.
//
// The reader keeps its own descriptor (or a copy of the bytes, for an mbox), so that the message
// can be read to its end even if another session expunges it meanwhile. Reading forward is cheap;
// going back costs a new scan from the start. \Seen is not touched. An LF without a CR before it
// becomes CRLF; everything else is as stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost::store {

class MessageReader {
 public:
  /// Bytes [begin, begin + length) of `file`.
  MessageReader(Descriptor file, std::uint64_t begin, std::uint64_t length);
  /// A message already in memory.
  explicit MessageReader(std::string text);

  /// Up to `length` octets from `offset`, counted with CRLF line ends; fewer only at the end.
  Result<std::string> read(std::uint64_t offset, std::uint64_t length);
  /// The whole message; 451 Limit if it has more than `octets_max`.
  Result<std::string> all(std::uint64_t octets_max = UINT64_MAX);
  /// The header with the empty line that ends it, cut after `octets_max`.
  Result<std::string> header(std::uint64_t octets_max = 1 << 20);
  /// Replaces `text` by the whole message as it is stored, without CRs added, if that needs no
  /// waiting for a disk and it has no more than `bytes_max` bytes.
  bool stored_now(std::uint64_t bytes_max, std::string& text) const;
  /// The size as stored; with CRLF line ends it is at most twice that.
  std::uint64_t stored_bytes() const { return length_; }
  /// The size with CRLF line ends, as for RFC822.SIZE and POP3's LIST.
  Result<std::uint64_t> octets();

 private:
  Result<std::string> stored(std::uint64_t offset, std::uint64_t length) const;
  Result<void> next_window(std::uint64_t stored_bytes_max);
  void convert(std::string_view block, std::string& out);
  void rewind();
  std::uint64_t window_end() const { return window_begin_ + window_.size(); }

  Descriptor file_;  // none: the message is in memory_
  std::string memory_;
  std::uint64_t begin_ = 0;
  std::uint64_t length_ = 0;

  // The scan: octets [window_begin_, window_end()) are converted, from the stored bytes before
  // stored_at_.
  std::string window_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t stored_at_ = 0;
  bool after_cr_ = false;
  std::optional<std::uint64_t> octets_;
};

}  // namespace pennypost::store
