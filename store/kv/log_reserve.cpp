#include "store/kv/log_reserve.h"

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "store/kv/log_writer.h"
#include "store/kv/rocks.h"
#include "store/kv/write_pace.h"

namespace pennypost::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::size_t zeros_bytes = 128 * 1024;
constexpr off_t log_room_min = log_block_bytes;

}  // namespace

/// The files of one directory that stand ready, and the thread that makes the next large one.
class LogReserve::Files {
 public:
  Files(const std::filesystem::path& directory, std::uint64_t bytes,
        std::shared_ptr<const WritePace> pace)
      : path_(directory / "reserve"),
        first_(directory / "reserve.first"),
        bytes_(bytes),
        pace_(std::move(pace)) {}
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    is_leaving_ = true;
    if (maker_.joinable()) maker_.join();
  }

  Result<void> ensure_first() {
    std::lock_guard lock(mutex_);
    if (has_first_) return {};
    int fd = ::open(first_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int problem = fd < 0 ? errno : ::posix_fallocate(fd, 0, log_room_min);
    if (fd >= 0) ::close(fd);
    if (problem != 0) {
      ::unlink(first_.c_str());
      bool is_full = problem == ENOSPC || problem == EDQUOT;
      return storage_error(is_full ? StorageProblem::Full : StorageProblem::Failed,
                           "reserve " + first_.string() + ": " + std::strerror(problem));
    }
    has_first_ = true;
    return {};
  }

  /// Turns the reserve into a file of that name and opens it; -1: there is no reserve.
  int take(const std::string& name) {
    std::lock_guard lock(mutex_);
    // Only now is the database's lock surely ours; before, an earlier process may be making one.
    bool is_first = !std::exchange(has_taken_, true);
    has_prepared_ = false;
    if (is_first && !is_there()) make(std::min(bytes_, first_log_bytes_max), Pace::Full);
    struct stat found {};
    bool has_taken =
        ::stat(path_.c_str(), &found) == 0 && ::rename(path_.c_str(), name.c_str()) == 0;
    log_bytes_ = has_taken ? static_cast<std::uint64_t>(found.st_size) : 0;
    if (is_first && has_taken && log_bytes_ < bytes_) begin_to_make();
    if (!has_taken && has_first_) {
      has_first_ = false;
      has_taken = ::rename(first_.c_str(), name.c_str()) == 0;
    }
    return has_taken ? ::open(name.c_str(), O_RDWR | O_CLOEXEC) : -1;
  }

  /// Turns an obsolete log into the next reserve; false: none is needed, remove the file.
  bool keep(const std::string& name) {
    std::lock_guard lock(mutex_);
    if (is_making_ || is_there() || has_other_name(name)) return false;
    if (::rename(name.c_str(), unfinished().c_str()) != 0) return false;
    begin_to_make();
    return true;
  }

  /// Makes the next reserve if no old log was kept for it: tried once for each log.
  void prepare() {
    std::lock_guard lock(mutex_);
    if (std::exchange(has_prepared_, true) || is_making_ || is_there()) return;
    begin_to_make();
  }

  std::uint64_t log_bytes() const { return log_bytes_; }

  bool has_room() const {
    struct statvfs disk {};
    auto parent = path_.parent_path();
    return ::statvfs(parent.c_str(), &disk) == 0 &&
           disk.f_bavail * disk.f_frsize >= reserve_room_min + bytes_;
  }

 private:
  enum class Pace { Full, Shared };

  std::filesystem::path unfinished() const {
    auto beside = path_;
    beside += ".new";
    return beside;
  }

  bool is_there() const {
    struct stat found {};
    return ::stat(path_.c_str(), &found) == 0 && found.st_size == static_cast<off_t>(bytes_);
  }

  /// A copy made of hard links shares the file, and needs its bytes.
  static bool has_other_name(const std::string& name) {
    struct stat found {};
    return ::stat(name.c_str(), &found) != 0 || found.st_nlink != 1;
  }

  void begin_to_make() {
    if (maker_.joinable()) maker_.join();
    is_making_ = true;
    maker_ = std::thread([this] {
      make(bytes_, Pace::Shared);
      std::lock_guard done(mutex_);
      is_making_ = false;
    });
  }

  /// A failure costs speed, nothing else.
  void make(std::uint64_t bytes, Pace pace) const {
    auto beside = unfinished();
    bool is_whole = has_room() && fill(beside, bytes, pace);
    if (!is_whole || ::rename(beside.c_str(), path_.c_str()) != 0) ::unlink(beside.c_str());
  }

  /// Writes zeros and syncs them. At a shared pace it pauses after each step for other writers.
  bool fill(const std::filesystem::path& file, std::uint64_t bytes, Pace pace) const {
    int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    static constexpr std::array<char, zeros_bytes> zeros{};
    bool is_whole = true;
    for (std::uint64_t done = 0; is_whole && done < bytes;) {
      auto begun = std::chrono::steady_clock::now();
      auto part = std::min<std::uint64_t>(zeros.size(), bytes - done);
      auto from = static_cast<off_t>(done);
      is_whole = ::pwrite(fd, zeros.data(), part, from) == static_cast<ssize_t>(part);
      done += part;
      if (pace == Pace::Full) continue;
      ::sync_file_range(fd, from, static_cast<off_t>(part),
                        SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      std::chrono::duration<double> share(static_cast<double>(part) /
                                          static_cast<double>(pace_->bytes_per_second()));
      std::this_thread::sleep_until(begun + share);
      is_whole = is_whole && !is_leaving_;
    }
    is_whole = is_whole && ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 && ::fsync(fd) == 0;
    ::close(fd);
    return is_whole;
  }

  std::filesystem::path path_;
  std::filesystem::path first_;
  std::uint64_t bytes_;
  std::shared_ptr<const WritePace> pace_;
  std::mutex mutex_;
  bool has_first_ = false;
  bool has_taken_ = false;
  bool has_prepared_ = false;
  bool is_making_ = false;
  std::atomic<bool> is_leaving_ = false;
  std::atomic<std::uint64_t> log_bytes_ = 0;
  std::thread maker_;
};

class LogReserve::FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FileSystem(std::shared_ptr<Files> files)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), files_(std::move(files)) {}
  const char* Name() const override { return "PennypostLogReserve"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (name.ends_with(".log")) {
      int fd = files_->take(name);
      bool is_reserved = fd >= 0;
      if (!is_reserved) fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      if (fd < 0) return io_error("open " + name, errno);
      // Its first entry must never fail for lack of space: see begin_memtable() in database.cpp.
      // Done before there is a writer, since libc writes single octets where a file system can't
      // preallocate.
      int problem = is_reserved ? 0 : ::posix_fallocate(fd, 0, log_room_min);
      auto log = std::make_unique<LogWriter>(fd, name);
      if (problem != 0) return io_error("reserve " + name, problem);
      *result = std::move(log);
      return IOStatus::OK();
    }
    return target()->NewWritableFile(name, options, result, debug);
  }

  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (name.ends_with(".log") && files_->keep(name)) return IOStatus::OK();
    return target()->DeleteFile(name, options, debug);
  }

 private:
  std::shared_ptr<Files> files_;
};

LogReserve::LogReserve(const std::filesystem::path& directory, std::uint64_t bytes,
                       std::shared_ptr<const WritePace> pace)
    : files_(std::make_shared<Files>(directory, bytes, std::move(pace))),
      env_(rocksdb::NewCompositeEnv(std::make_shared<FileSystem>(files_))) {}

LogReserve::~LogReserve() = default;

Result<void> LogReserve::ensure_next() { return files_->ensure_first(); }

std::uint64_t LogReserve::log_bytes() const { return files_->log_bytes(); }

bool LogReserve::has_room() const { return files_->has_room(); }

void LogReserve::prepare() { files_->prepare(); }

}  // namespace pennypost::store
