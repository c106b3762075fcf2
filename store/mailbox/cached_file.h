// Opens and reads files without ever waiting for a disk, so that an event loop can do it itself.
//
// What is not in the system's memory, or can't be known to be, is not opened and not read: the
// caller then does the same by an ordinary call on another thread. Needs Linux 5.12 (openat2 with
// RESOLVE_CACHED); on older systems nothing is ever in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/descriptor.h"

namespace pennypost::store {

/// For reading. No descriptor: the way to the file is not cached, or it can't be opened.
Descriptor open_cached(const std::string& path);

/// Replaces `text` by the `length` bytes at `offset`. False: they are not all in memory, or the
/// file has fewer.
bool read_cached(int descriptor, std::uint64_t offset, std::size_t length, std::string& text);

}  // namespace pennypost::store
