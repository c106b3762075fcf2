// The buffer that all sockets of a thread read into.
//
// It is made at the first use, so that threads that read from no socket have none: as a
// thread_local array it would be zeroed, and so occupied, in every one of them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace pennypost {

inline constexpr std::size_t scratch_bytes = 128 * 1024;

/// Undefined bytes, for use until the next suspension.
inline std::span<char> scratch() {
  static thread_local std::unique_ptr<char[]> bytes;
  if (!bytes) bytes.reset(new char[scratch_bytes]);
  return {bytes.get(), scratch_bytes};
}

}  // namespace pennypost
