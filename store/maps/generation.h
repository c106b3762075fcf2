// Publishes a new version of a hash: table in one step, while readers go on with the old one.
//
//   BASE.rdb                  a symlink to the newest generation, replaced in one step
//   BASE.rdb.<microseconds>   a finished table, never changed; named after when it was begun
//   BASE.rdb.lock             held while a table is built
//
// A reader resolves the link and opens the generation it leads to; if that has been removed
// meanwhile, it starts again. It opens all files of a generation at once, so it can go on reading
// after they are removed, until it looks at the link again. So a generation, and any passwords in
// it, is removed as soon as it is replaced. For readers on other hosts it can instead be kept until
// the first build that begins `keep_old` or more later, unless it is a table that not everyone may
// read. A table has its source's owner and read permissions, so that a map of credentials is never
// readable by more users than its source, not even while it is built; where root builds, its group
// may be that of the process that needs it (BuildOptions::reader).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "store/kv/database.h"
#include "store/maps/acting_owner.h"

namespace pennypost::store {

/// Who may read a table: the owner's, group's and others' read bits count.
struct TableAccess {
  mode_t mode = 0644;
  std::optional<uid_t> owner;  ///< set only where we are root
  std::optional<gid_t> group;

  /// The access that `file` has.
  static Result<TableAccess> of(const std::filesystem::path& file);
};

/// Held while the sources of a map are changed and the map is built. Waits for another holder. If
/// we are root, all of that happens with the rights of the directory's owner, unless told
/// otherwise.
class BuildLock {
 public:
  enum class Rights {
    Owners,  // of the directory's owner, if we are root
    Own      // stay root, as postmap -o asks: for directories whose owner is trusted
  };
  /// Error: the lock file can't be created or locked, and the errors of ActingOwner::take().
  static Result<BuildLock> take(const std::filesystem::path& base, Rights rights = Rights::Owners);
  bool is_acting() const { return owner_.is_acting(); }

 private:
  BuildLock(ActingOwner owner, Descriptor file)
      : owner_(std::move(owner)), file_(std::move(file)) {}
  ActingOwner owner_;
  Descriptor file_;
};

/// Builds a table and makes it the current one. The old one stays current on any Error.
Result<void> build_generation(const BuildLock& lock, const std::filesystem::path& base,
                              const std::map<std::string, std::string>& entries,
                              const TableAccess& access, const Clock& clock = Clock::system(),
                              Microseconds keep_old = Microseconds{0});

/// The directory that the link leads to now. Error 454 (StorageProblem::Absent): there is no map.
Result<std::filesystem::path> current_generation(const std::filesystem::path& base);

/// True if the directory exists and holds neither the table nor its source; false also if that
/// can't be determined.
bool is_table_absent(const std::filesystem::path& base);

/// True if the source exists and the table does not, or is older.
bool is_table_stale(const std::filesystem::path& base);

struct OpenGeneration {
  std::filesystem::path path;
  Database database;
};

/// The current generation, open for reading. Errors: Absent, Damaged, Failed.
Result<OpenGeneration> open_generation(const std::filesystem::path& base);

}  // namespace pennypost::store
