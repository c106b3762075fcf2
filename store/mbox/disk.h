// Performs the file system operations that change an mbox.
//
// Tests replace it to stop a change after any of its writes, or to simulate a full disk.
//
// SEE ALSO   journal.h, gap.h, writer.h (who writes)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/file_place.h"

namespace pennypost::store {

class MboxDisk {
 public:
  virtual ~MboxDisk() = default;
  /// The real one.
  static MboxDisk& system();

  // `path` names the file in errors.
  virtual Result<void> write(int descriptor, std::uint64_t offset, std::string_view bytes,
                             const std::string& path);
  virtual Result<void> truncate(int descriptor, std::uint64_t size, const std::string& path);
  virtual Result<void> sync(int descriptor, const std::string& path);
  virtual Result<void> sync_directory(const FilePlace& place);
  /// How many octets this process may still write to the file system of a directory; the greatest
  /// number if that is unknown.
  virtual std::uint64_t room(const std::string& directory);
};

/// A hash that recognizes bytes written before: FNV-1a, continued from `hash`. It does not protect
/// against forgery.
inline constexpr std::uint64_t mbox_hash_start = 14'695'981'039'346'656'037ull;
std::uint64_t mbox_hash(std::string_view bytes, std::uint64_t hash = mbox_hash_start);

}  // namespace pennypost::store
