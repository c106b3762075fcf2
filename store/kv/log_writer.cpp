#include "store/kv/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "store/kv/rocks.h"

namespace pennypost::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::size_t block_part(std::uint64_t bytes) { return bytes % log_block_bytes; }

void set_direct(int fd, bool is_direct) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

bool is_direct(int fd) { return (::fcntl(fd, F_GETFL) & O_DIRECT) != 0; }

}  // namespace

LogWriter::LogWriter(int fd, std::string name)
    : fd_(fd), name_(std::move(name)), blocks_(std::make_unique_for_overwrite<Blocks>()) {
  set_direct(fd_, true);
}

LogWriter::~LogWriter() { close(); }

IOStatus LogWriter::Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) {
  const char* from = data.data();
  std::size_t left = data.size();
  while (left > 0) {
    std::size_t kept = block_part(size_);
    std::size_t part = std::min(left, log_write_bytes_max - kept);
    std::size_t end = kept + part;
    char* blocks = blocks_->bytes;
    std::memcpy(blocks + kept, from, part);
    std::size_t padding = block_part(log_block_bytes - block_part(end));
    std::memset(blocks + end, 0, padding);
    auto status = write_blocks(end + padding, size_ - kept);
    if (!status.ok()) return status;
    std::memmove(blocks, blocks + (end - block_part(end)), block_part(end));
    size_ += part;
    from += part;
    left -= part;
  }
  return IOStatus::OK();
}

IOStatus LogWriter::write_blocks(std::size_t bytes, std::uint64_t at) {
  const char* from = blocks_->bytes;
  while (bytes > 0) {
    ssize_t count = ::pwrite(fd_, from, bytes, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EINVAL && is_direct(fd_)) {
      set_direct(fd_, false);
      continue;
    }
    if (count < 0) return io_error("write " + name_, errno);
    from += count;
    bytes -= static_cast<std::size_t>(count);
    at += static_cast<std::uint64_t>(count);
  }
  return IOStatus::OK();
}

IOStatus LogWriter::Close(const IOOptions&, IODebugContext*) { return close(); }

IOStatus LogWriter::Flush(const IOOptions&, IODebugContext*) { return IOStatus::OK(); }

IOStatus LogWriter::Sync(const IOOptions&, IODebugContext*) {
  return ::fdatasync(fd_) == 0 ? IOStatus::OK() : io_error("sync " + name_, errno);
}

IOStatus LogWriter::Fsync(const IOOptions&, IODebugContext*) {
  return ::fsync(fd_) == 0 ? IOStatus::OK() : io_error("sync " + name_, errno);
}

IOStatus LogWriter::close() {
  if (fd_ < 0) return IOStatus::OK();
  int fd = std::exchange(fd_, -1);
  // If the truncation is lost, the log ends in zeros, as after a crash.
  bool was_cut = ::ftruncate(fd, static_cast<off_t>(size_)) == 0;
  int problem = errno;
  bool was_closed = ::close(fd) == 0;
  return was_cut && was_closed ? IOStatus::OK() : io_error("close " + name_, problem);
}

}  // namespace pennypost::store
