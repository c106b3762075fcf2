// Keeps preallocated log files ready, so that syncing a commit changes no metadata of the file
// system.
//
// Appending to a file changes its size and its list of blocks; each sync then waits for the file
// system's journal, behind every other writer. Overwriting waits for the disk alone. So a file of
// zeros, DIRECTORY/reserve, is synced and kept ready, and a new log takes its place by a rename. A
// thread makes the next reserve from the previous log once RocksDB no longer needs it, since that
// file's blocks are allocated already. The thread works at the pace of write_pace.h, because all
// commits wait behind what it writes. A reader takes the zeros after the last entry for the log's
// end. What exceeds the reserve is appended as usual. While the disk would have less than
// reserve_room_min free beside a reserve, there is none, and everything is appended.
//
// Each log has room for its first entry in any case (begin_memtable() in database.cpp says why).
// RocksDB 7.8 never recovers from a failure to create a log, so a small file,
// DIRECTORY/reserve.first, stands ready to become the next log even when the disk is full by then.
//
// A power cut may leave the last write in pieces, in any order of the disk's sectors, with zeros in
// between: log_file.h tells that from damage.
//
// SEE ALSO   database.h (Profile::log_reserve_bytes), log_writer.h (how a log is written)
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "common/base/result.h"

namespace rocksdb {
class Env;
}

namespace pennypost::store {

class WritePace;

inline constexpr std::uint64_t reserve_room_min = 128u << 20;
/// Size of the very first log, so that a new queue opens at once; a large one is made meanwhile.
inline constexpr std::uint64_t first_log_bytes_max = 4u << 20;

/// For the database in one directory; must outlive it.
class LogReserve {
 public:
  /// Each log has `bytes` preallocated. The very first one gets only first_log_bytes_max, and is
  /// waited for; later ones are made at this `pace`.
  LogReserve(const std::filesystem::path& directory, std::uint64_t bytes,
             std::shared_ptr<const WritePace> pace);
  ~LogReserve();

  rocksdb::Env* env() { return env_.get(); }
  /// Returns once another log can be made. Errors: Full, Failed; then nothing may be written.
  Result<void> ensure_next();
  /// How many bytes of the current log were preallocated; 0: none.
  std::uint64_t log_bytes() const;
  /// Whether the disk has room for a reserve now; if not, memtables should be kept small.
  bool has_room() const;
  /// Begins to make the next reserve if no old log was kept for it. Call this when the current log
  /// is nearly full; once for each log is enough.
  void prepare();

 private:
  class Files;
  class FileSystem;
  std::shared_ptr<Files> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace pennypost::store
