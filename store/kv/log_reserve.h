// Keeps preallocated log files ready, so that syncing a commit changes no metadata of the file
// system.
//
// Appending to a file changes its size and its list of blocks; each sync then waits for the file
// system's journal, behind every other writer. Overwriting waits for the disk alone. So a file of
// zeros, DIRECTORY/reserve, is synced and kept ready, and a new log takes its place by a rename. A
// thread makes the next reserve from the previous log once RocksDB no longer needs it, since that
// file's blocks are allocated already. The thread works at the pace of write_pace.h, because
// all commits wait behind what it writes. A reader takes the zeros after the last entry for the
// log's end. What exceeds the reserve is appended as usual; so is everything when there is no
// reserve, which is the case while the disk would have less than reserve_room_min free beside it.
//
// Each log has room for its first entry in any case (database.cpp says why). RocksDB 7.8 never
// recovers from a failure to create a log, so a small file, DIRECTORY/reserve.first, stands ready
// to become the next log even when the disk is full by then.
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
/// Of the very first log, so that a new queue is there at once; the large one is made meanwhile.
inline constexpr std::uint64_t first_log_bytes_max = 4u << 20;

/// For the database in one directory; must outlive it.
class LogReserve {
 public:
  /// Logs get `bytes` in advance; the very first one first_log_bytes_max, which it waits for.
  /// Later ones are made at that `pace`.
  LogReserve(const std::filesystem::path& directory, std::uint64_t bytes,
             std::shared_ptr<const WritePace> pace);
  ~LogReserve();

  rocksdb::Env* env() { return env_.get(); }
  /// Returns once another log can be made. Errors: Full, Failed; then nothing may be written.
  Result<void> ensure_next();
  /// How much the present log got in advance; 0: nothing.
  std::uint64_t log_bytes() const;
  /// Whether the disk has room for a reserve now; else memtables are to be kept small.
  bool has_room() const;
  /// Begins to make the next reserve where no log was kept for it. To call while the present log is
  /// well filled; once is enough for each log.
  void prepare();

 private:
  class Files;
  class FileSystem;
  std::shared_ptr<Files> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace pennypost::store
