// Stores keys and values safely across crashes: RocksDB as the queue, the index and the maps use
// it.
//
// Keys are ordered as unsigned bytes. Each value is stored with a CRC-32C of key and value, so that
// what comes back from a disk or from a salvage is either what was put or known to be damaged.
//
// A commit is all or nothing. With Sync::Yes it has survived a power cut when commit() returns.
// After a failed synced commit the end of the log is unknown, so the database refuses writes until
// heal() succeeds; reads still work. With a strict profile a damaged log is never skipped silently:
// open() answers Damaged, and salvage() (salvage.h) keeps a copy, brings back what can be read, and
// names what can't.
//
// All members may be called from several threads at once, but a Batch and a Cursor belong to one
// thread. Nothing here may stay open across a fork(): open in the child. Calls block: use offload.
//
// SEE ALSO   salvage.h (what to do after Damaged), table.h (immutable tables for maps)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::store {

/// Why the database gave no answer. All are temporary to mail: 4xx codes of the Error, told apart
/// by storage_problem(). A missing key is a value, never an Error.
enum class StorageProblem {
  Locked = 450,   ///< another process has it open
  Failed = 451,   ///< an I/O error, lack of rights, or a use RocksDB does not support
  Full = 452,     ///< no space or quota left
  Damaged = 453,  ///< a checksum or a file is wrong
  Absent = 454,   ///< there is no database at that place
  Lost = 455,     ///< nothing can be written until the database is opened anew
};

/// What kind of failure a function of store/kv has answered.
StorageProblem storage_problem(const Error& error);

/// How a database is tuned; pick one of the functions and change what differs.
struct Profile {
  std::size_t memtable_bytes;  ///< written to a table file when full; the log is at most twice that
  std::size_t memtable_bytes_tight;  ///< instead, while the disk has no room for a log's reserve
  std::size_t block_cache_bytes;     ///< of table files; filled as needed
  int fresh_files_max;               ///< table files that await merging; each costs a look per read
  int open_files_max;                ///< table files held open; -1: all
  std::size_t log_reserve_bytes;     ///< preallocated for each log (log_reserve.h); 0: none
  bool strict_log;                   ///< damage is an error; else the log is read up to it
  bool compress;                     ///< LZ4 for table files
  bool map_files;                    ///< read table files through mmap
  bool sync_files;                   ///< false: nothing waits for the disk, not even Sync::Yes

  /// Many short-lived, synced entries, strict. Memtables must be flushed before writing goes on
  /// after a full disk: one of 24 MiB, left from before, and one of 6 MiB fit into the space that
  /// the queue's 32 MiB ballast frees.
  static Profile queue();
  /// A cache of other files that is rebuilt when lost: 2 MiB of memtable, not strict, compressed,
  /// never synced.
  static Profile small();
  /// Built once, then only read, through mmap (table.h).
  static Profile table();
};

/// Changes that happen together. Order within a batch counts: the last change of a key wins.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  /// Cheaper than erase(), for keys that were put exactly once since they were last erased.
  void single_erase(std::string_view key);
  /// All keys in [begin, end).
  void erase_range(std::string_view begin, std::string_view end);
  /// All keys that begin with `prefix`, which must not be empty.
  void erase_prefix(std::string_view prefix);

  bool empty() const;
  std::size_t count() const;
  /// Size in the log, for limits on the size of one commit.
  std::size_t bytes() const;
  void clear();

 private:
  friend class Database;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Sync { No, Yes };

class Cursor;

/// The database as it was at one moment. Keeps the database open while it lives.
class Snapshot {
 public:
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(Snapshot&&) noexcept;
  ~Snapshot();

 private:
  friend class Database;
  struct Impl;
  explicit Snapshot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class Database {
 public:
  /// Opens for reading and writing, creating directory and database where there is none.
  /// Errors: Locked, Damaged, Full, Failed.
  static Result<Database> open(const std::filesystem::path& directory, const Profile& profile);
  /// Opens an existing database for reading, without a lock: its state at the time of opening.
  /// Errors: Absent, Damaged, Failed.
  static Result<Database> open_read_only(const std::filesystem::path& directory,
                                         const Profile& profile);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  /// Closes, once the last Snapshot and Cursor are gone too.
  ~Database();

  /// The value of `key`, or nothing. Errors: Damaged (also when the value's own checksum is wrong),
  /// Failed.
  Result<std::optional<std::string>> find(std::string_view key) const;
  Result<std::optional<std::string>> find(std::string_view key, const Snapshot& at) const;

  /// All entries whose key begins with `prefix` (empty: all), ascending, as of now or of `at`.
  Cursor scan(std::string_view prefix) const;
  Cursor scan(std::string_view prefix, const Snapshot& at) const;
  /// All entries with keys in [begin, end), ascending; an empty `end` is no bound.
  Cursor scan_range(std::string_view begin, std::string_view end) const;

  Snapshot snapshot() const;

  /// Applies the batch; after success it is empty, after a failure unchanged.
  /// Errors: Full, Failed, Damaged; no further commit succeeds until heal() does.
  Result<void> commit(Batch& batch, Sync sync = Sync::Yes);

  /// Tries to make writing possible again after a failed commit, e.g. once there is room. Errors:
  /// Full, Failed, Damaged: try later; Lost: this object is unusable, open another.
  Result<void> heal();

  /// Writes everything in memory to table files; a new log begins.
  Result<void> flush();
  /// Merges table files and drops erased entries; may take long.
  Result<void> compact();

  /// Makes a database of its own in `directory`, which must not exist, with what this one has now.
  /// Table files are hard links, so both must be in one file system. Errors: Full, Failed.
  Result<void> checkpoint(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const;

 private:
  struct Impl;
  explicit Database(std::shared_ptr<Impl> impl);
  static Result<Database> open_as(const std::filesystem::path& directory, const Profile& profile,
                                  bool read_only);
  friend class Snapshot;
  friend class Cursor;
  std::shared_ptr<Impl> impl_;
};

/// Iterates over a scan. Sees the state at its beginning, whatever is committed meanwhile.
///
///   auto entry = database.scan("u/");
///   for (; entry.valid(); entry.next()) use(entry.key(), entry.value());
///   TRY_DO(entry.status());
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  /// False at the end, and at the first entry that can't be read: look at status().
  bool valid() const;
  void next();
  /// To the first entry of the scan whose key is not less than `key`.
  void seek(std::string_view key);
  /// Valid until the cursor moves.
  std::string_view key() const;
  std::string_view value() const;
  /// Why the scan ended early: Damaged or Failed.
  Result<void> status() const;

 private:
  friend class Database;
  struct Impl;
  explicit Cursor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The least key that is greater than every key beginning with `prefix`; empty if there is none.
std::string prefix_end(std::string_view prefix);

}  // namespace pennypost::store
