#include "store/kv/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <memory>

#include "common/base/text.h"
#include "store/kv/checksum.h"
#include "store/kv/unsynced_files.h"

namespace pennypost::store {
namespace {

constexpr std::size_t guard_bytes = 4;

std::uint32_t guard_of(std::string_view key, std::string_view value) {
  return crc32c(value, crc32c(key));
}

// Otherwise RocksDB checks every five seconds whether a full disk has room again, and answers Busy
// to Resume() meanwhile.
class NoRecoveryByItself final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// RocksDB 7.8, as Debian builds it with assertions, aborts the process after a failed write to its
// info log (the file LOG), so a full disk would kill it. Failures are in the statuses as well, and
// so in our own log.
class NoDiary final : public rocksdb::Logger {
 public:
  NoDiary() : Logger(rocksdb::InfoLogLevel::NUM_INFO_LOG_LEVELS) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

StorageProblem problem_of(const rocksdb::Status& status) {
  std::string text = status.ToString();
  if (status.IsNoSpace() || text.find("Disk quota exceeded") != std::string::npos) {
    return StorageProblem::Full;
  }
  bool lacks_manifest = status.IsPathNotFound() && text.find("MANIFEST") != std::string::npos;
  if (status.IsCorruption() || lacks_manifest) return StorageProblem::Damaged;
  if (status.IsIOError() && find_nocase(text, "lock") != std::string_view::npos &&
      (text.find("temporarily unavailable") != std::string::npos ||
       text.find("lock hold by current process") != std::string::npos)) {
    return StorageProblem::Locked;
  }
  return StorageProblem::Failed;
}

}  // namespace

Error storage_error(StorageProblem problem, const std::string& text) {
  return Error(static_cast<int>(problem), text);
}

Error storage_error(const rocksdb::Status& status, const std::string& what) {
  return storage_error(problem_of(status), what + ": " + printable(status.ToString(), 500));
}

rocksdb::IOStatus io_error(const std::string& what, int number) {
  std::string text = what + ": " + std::strerror(number);
  return number == ENOSPC ? rocksdb::IOStatus::NoSpace(text) : rocksdb::IOStatus::IOError(text);
}

rocksdb::Options rocks_options(const Profile& profile) {
  rocksdb::Options options;
  options.write_buffer_size = profile.memtable_bytes;
  options.max_write_buffer_number = 2;
  options.arena_block_size = std::min<std::size_t>(profile.memtable_bytes / 8, 1 << 20);
  options.max_total_wal_size = profile.memtable_bytes * 2;
  options.max_open_files = profile.open_files_max;
  options.max_file_opening_threads = 1;
  options.allow_mmap_reads = profile.map_files;
  options.max_background_jobs = 2;
  options.level0_file_num_compaction_trigger = profile.fresh_files_max;
  options.level0_slowdown_writes_trigger = profile.fresh_files_max * 3;
  options.level0_stop_writes_trigger = profile.fresh_files_max * 4;
  options.compression = profile.compress ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  options.wal_recovery_mode = profile.strict_log ? rocksdb::WALRecoveryMode::kAbsoluteConsistency
                                                 : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.avoid_flush_during_shutdown = true;
  // The default of 4 MiB would use up the rest of a nearly full disk.
  options.manifest_preallocation_size = 64 << 10;
  options.recycle_log_file_num = 0;
  if (profile.sync_files) {
    // A table file goes to the disk while it is written, since one large sync at its end would hold
    // up the log's syncs. write_pace.h sets the speed.
    options.bytes_per_sync = 128 << 10;
  } else {
    options.env = unsynced_files();
  }

  // The caller decides when to heal: once it has freed its ballast.
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<NoRecoveryByItself>());

  options.info_log = std::make_shared<NoDiary>();
  options.stats_dump_period_sec = 0;  // no thread that writes statistics
  options.stats_persist_period_sec = 0;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(profile.block_cache_bytes, 0);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.table_cache_numshardbits = 2;
  return options;
}

std::string guard_value(std::string_view key, std::string_view value) {
  std::string stored;
  stored.reserve(value.size() + guard_bytes);
  stored = value;
  std::uint32_t guard = guard_of(key, value);
  for (std::size_t i = 0; i < guard_bytes; ++i) stored += static_cast<char>(guard >> (8 * i) & 255);
  return stored;
}

std::optional<std::string_view> unguard_value(std::string_view key, std::string_view stored) {
  if (stored.size() < guard_bytes) return {};
  auto value = stored.substr(0, stored.size() - guard_bytes);
  std::uint32_t guard = 0;
  for (std::size_t i = 0; i < guard_bytes; ++i) {
    guard |= static_cast<std::uint32_t>(static_cast<unsigned char>(stored[value.size() + i]))
             << (8 * i);
  }
  if (guard != guard_of(key, value)) return {};
  return value;
}

}  // namespace pennypost::store
