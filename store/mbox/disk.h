// What changing an mbox asks of the file system.
//
// A seam for tests: they stop a change after any of its writes, or let the disk be full.
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
  /// How many octets the file system of a directory has left for this process; as many as can be
  /// if that can't be told.
  virtual std::uint64_t room(const std::string& directory);
};

/// Recognizes bytes that were written before: FNV-1a, continued from `hash`. No defence against
/// forgery.
inline constexpr std::uint64_t mbox_hash_start = 14'695'981'039'346'656'037ull;
std::uint64_t mbox_hash(std::string_view bytes, std::uint64_t hash = mbox_hash_start);

}  // namespace pennypost::store
