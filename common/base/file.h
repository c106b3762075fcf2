// Reads, writes and syncs files; each Error names the path and the reason.
//
// Interrupted and partial reads and writes go on by themselves. All functions block: a process that
// serves many calls them through offload.
//
// SEE ALSO   safe_open.h (where others may have planted links), own_file.h (as root)
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost {

/// `can't VERB PATH: reason; remedy`: 452 4.3.1 if lacks_room(error), else 451 4.3.0; with IMAP's
/// response code.
Error file_error(std::string_view verb, const std::string& path, int error = errno);

/// Whether an errno means that space, inodes, a quota or the allowed size of a file is used up.
bool lacks_room(int error);

Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode = 0600);
/// The whole file, or nothing if there is none; 451 if it has more than `bytes_max`.
Result<std::optional<std::string>> read_file(const std::string& path, std::uint64_t bytes_max);

/// The next `most` bytes of a file, pipe or socket; fewer only at its end. Whoever has a limit asks
/// for one byte more and sees by the length whether it is exceeded.
Result<std::string> read_up_to(int descriptor, std::size_t most, const std::string& path);
/// What stands at `offset`, as much as `into` holds; less only at the end of the file. Returns how
/// much that is.
Result<std::size_t> read_at(int descriptor, std::span<char> into, std::uint64_t offset,
                            const std::string& path);
/// The same as a text of at most `length` bytes.
Result<std::string> read_range(int descriptor, std::uint64_t offset, std::uint64_t length,
                               const std::string& path);
/// All `length` bytes at `offset`. Error 451 if the file ends before.
Result<std::string> read_exactly(int descriptor, std::uint64_t offset, std::uint64_t length,
                                 const std::string& path);
/// 451: the file has fewer bytes than were said.
Error too_short(const std::string& path);

Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path);
Result<void> sync_file(int descriptor, const std::string& path);
Result<void> sync_directory(const std::string& path);
/// mkdir; no error if the directory exists already.
Result<void> make_directory(const std::string& path, mode_t mode = 0700);

}  // namespace pennypost
