#include "store/kv/log_reserve.h"

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

namespace pennypost::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::size_t zeros_bytes = 64 * 1024;
constexpr off_t log_room_min = 4096;

IOStatus io_error(const std::string& what, int number) {
  std::string text = what + ": " + std::strerror(number);
  return number == ENOSPC ? IOStatus::NoSpace(text) : IOStatus::IOError(text);
}

/// A log: overwrites what is reserved, appends behind that, and is cut to its size when closed.
class ReservedLog final : public rocksdb::FSWritableFile {
 public:
  ReservedLog(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  ~ReservedLog() override { close(); }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    const char* from = data.data();
    std::size_t left = data.size();
    while (left > 0) {
      ssize_t count = ::pwrite(fd_, from, left, static_cast<off_t>(size_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_error("write " + name_, errno);
      from += count;
      left -= static_cast<std::size_t>(count);
      size_ += static_cast<std::uint64_t>(count);
    }
    return IOStatus::OK();
  }
  using FSWritableFile::Append;

  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return io_error("cut " + name_, errno);
    size_ = size;
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return close(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return ::fdatasync(fd_) == 0 ? IOStatus::OK() : io_error("sync " + name_, errno);
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ::fsync(fd_) == 0 ? IOStatus::OK() : io_error("sync " + name_, errno);
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  IOStatus close() {
    if (fd_ < 0) return IOStatus::OK();
    int fd = std::exchange(fd_, -1);
    // If this is lost, the log ends in zeros, as after a crash.
    bool was_cut = ::ftruncate(fd, static_cast<off_t>(size_)) == 0;
    int problem = errno;
    bool was_closed = ::close(fd) == 0;
    return was_cut && was_closed ? IOStatus::OK() : io_error("close " + name_, problem);
  }

  int fd_;
  std::string name_;
  std::uint64_t size_ = 0;
};

/// The file of zeros of one directory, and the thread that makes the next.
class Reserve {
 public:
  Reserve(std::filesystem::path directory, std::uint64_t bytes)
      : path_(directory / "reserve"), bytes_(bytes) {
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0 || found.st_size != static_cast<off_t>(bytes_)) make();
  }
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;
  ~Reserve() {
    if (maker_.joinable()) maker_.join();
  }

  /// The reserve as a file of that name; -1: there is none. Begins to make another.
  int take(const std::string& name) {
    std::lock_guard lock(mutex_);
    int fd = -1;
    if (::rename(path_.c_str(), name.c_str()) == 0) fd = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
    if (is_making_) return fd;
    if (maker_.joinable()) maker_.join();
    is_making_ = true;
    maker_ = std::thread([this] {
      make();
      std::lock_guard done(mutex_);
      is_making_ = false;
    });
    return fd;
  }

 private:
  /// Failing costs speed, nothing else.
  void make() const {
    auto beside = path_;
    beside += ".new";
    struct statvfs disk {};
    std::error_code ignored;
    auto parent = path_.parent_path();
    if (::statvfs(parent.c_str(), &disk) != 0 ||
        disk.f_bavail * disk.f_frsize < reserve_room_min + bytes_) {
      return;
    }
    int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return;
    static constexpr std::array<char, zeros_bytes> zeros{};
    bool is_whole = true;
    for (std::uint64_t done = 0; is_whole && done < bytes_;) {
      auto part = std::min<std::uint64_t>(zeros.size(), bytes_ - done);
      is_whole = ::write(fd, zeros.data(), part) == static_cast<ssize_t>(part);
      done += part;
    }
    is_whole = is_whole && ::fsync(fd) == 0;
    ::close(fd);
    if (!is_whole || ::rename(beside.c_str(), path_.c_str()) != 0) ::unlink(beside.c_str());
  }

  std::filesystem::path path_;
  std::uint64_t bytes_;
  std::mutex mutex_;
  bool is_making_ = false;
  std::thread maker_;
};

class ReservingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  ReservingFileSystem(const std::filesystem::path& directory, std::uint64_t bytes)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), reserve_(directory, bytes) {}
  const char* Name() const override { return "PennypostLogReserve"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (name.ends_with(".log")) {
      int fd = reserve_.take(name);
      if (fd < 0) fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      if (fd < 0) return io_error("open " + name, errno);
      // Its first entry never fails for want of room: see begin_memtable() in database.cpp.
      auto log = std::make_unique<ReservedLog>(fd, name);
      int problem = ::posix_fallocate(fd, 0, log_room_min);
      if (problem != 0) return io_error("reserve " + name, problem);
      *result = std::move(log);
      return IOStatus::OK();
    }
    return target()->NewWritableFile(name, options, result, debug);
  }

 private:
  Reserve reserve_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> reserving_env(const std::filesystem::path& directory,
                                            std::uint64_t bytes) {
  return rocksdb::NewCompositeEnv(std::make_shared<ReservingFileSystem>(directory, bytes));
}

}  // namespace pennypost::store
