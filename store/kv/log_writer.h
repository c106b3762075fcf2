// Writes RocksDB's log to preallocated blocks directly, past the page cache.
//
// A log lies in space that was written before (log_reserve.h), so that a commit only overwrites.
// Through the page cache, a commit costs a copy, a search for dirty pages and a wait for writeback;
// direct I/O costs the disk alone. Direct I/O takes whole blocks only: the last, partial block is
// kept in memory, filled up with zeros, and written again together with what follows. Its first
// bytes are the same as before, so a power cut in between loses nothing that was acknowledged.
//
// Where the file system has no direct I/O, writes go through the page cache.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>

namespace pennypost::store {

inline constexpr std::size_t log_block_bytes = 4096;           ///< no disk has larger sectors
inline constexpr std::size_t log_write_bytes_max = 128 << 10;  ///< at once

/// An empty log. It is cut to its size when closed; after a crash zeros follow its last octet.
class LogWriter final : public rocksdb::FSWritableFile {
 public:
  /// Owns `fd`, open for writing; `name` is for messages.
  LogWriter(int fd, std::string name);
  ~LogWriter() override;

  using FSWritableFile::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions&,
                           rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override;
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return size_;
  }

 private:
  struct alignas(log_block_bytes) Blocks {
    char bytes[log_write_bytes_max];
  };
  rocksdb::IOStatus write_blocks(std::size_t bytes, std::uint64_t at);
  rocksdb::IOStatus close();

  int fd_;
  std::string name_;
  std::uint64_t size_ = 0;
  std::unique_ptr<Blocks> blocks_;  // begins with the octets of the last block
};

}  // namespace pennypost::store
