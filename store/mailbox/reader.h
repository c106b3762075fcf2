// A stored message in, its bytes with CRLF line ends out, from any offset.
//
// The reader keeps its own descriptor (or a copy of the bytes, for an mbox), so that the message
// can be read to its end though another session expunges it meanwhile. Reading forward is cheap;
// going back costs a new scan from the start. \Seen is not touched.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace pennypost::store {

class MessageReader {
 public:
  /// Bytes [offset, offset + length) of the file at `descriptor`, which the reader owns from now
  /// on.
  MessageReader(int descriptor, std::uint64_t offset, std::uint64_t length);
  /// A message already in memory.
  explicit MessageReader(std::string text);
  MessageReader(MessageReader&& other) noexcept;
  MessageReader& operator=(MessageReader&& other) noexcept;
  ~MessageReader();

  /// Up to `length` octets from `offset`, counted with CRLF line ends; less only at the end.
  Result<std::string> read(std::uint64_t offset, std::uint64_t length);
  /// All of it; an error when it has more than `octets_max`.
  Result<std::string> all(std::uint64_t octets_max = UINT64_MAX);
  /// The header with the empty line that ends it, cut after `octets_max`.
  Result<std::string> header(std::uint64_t octets_max = 1 << 20);
  /// The size with CRLF line ends: what RFC822.SIZE and POP3's LIST tell.
  Result<std::uint64_t> octets();

 private:
  Result<std::size_t> fill();
  void rewind();
  void close();

  int descriptor_ = -1;
  std::uint64_t begin_ = 0;
  std::uint64_t length_ = 0;
  std::string memory_;

  // The scan: what is converted but not yet read, and where both sides stand.
  std::uint64_t raw_at_ = 0;
  std::uint64_t window_at_ = 0;
  std::string window_;
  bool after_cr_ = false;
  std::uint64_t octets_ = UINT64_MAX;
};

}  // namespace pennypost::store
