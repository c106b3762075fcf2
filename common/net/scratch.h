// Provides the buffer into which all sockets of a thread read.
//
// It is allocated at its first use, so that threads that read from no socket have none. A
// thread_local array would be zeroed, and so use memory, in every thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace pennypost {

inline constexpr std::size_t scratch_bytes = 128 * 1024;

/// Uninitialized bytes, for use until the next suspension.
inline std::span<char> scratch() {
  static thread_local std::unique_ptr<char[]> bytes;
  if (!bytes) bytes.reset(new char[scratch_bytes]);
  return {bytes.get(), scratch_bytes};
}

}  // namespace pennypost
