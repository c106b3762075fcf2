// Simulates for tests a disk that stops after a number of writes, as kill -9 would, or is full.
//
// The first half of the write that it stops at is done. Nothing is synced, which matters only for
// power cuts.
#pragma once

#include <sys/stat.h>

#include <climits>

#include "store/mailbox/file.h"
#include "store/mbox/disk.h"

namespace pennypost::store {

class FakeDisk final : public MboxDisk {
 public:
  /// A disk that works, but does not sync.
  static FakeDisk& unsynced() {
    static FakeDisk disk;
    return disk;
  }

  void stop_after(int writes) { writes_left_ = writes; }
  /// As if the process were killed right after a file is cut off: truncate() throws.
  struct Killed {};
  void kill_at_truncate(bool is_killed = true) { kills_ = is_killed; }
  /// No file may grow.
  void be_full(bool is_full = true) { is_full_ = is_full; }
  int writes() const { return writes_; }
  bool has_gone_on() const { return writes_left_ >= 0; }

  Result<void> write(int descriptor, std::uint64_t offset, std::string_view bytes,
                     const std::string& path) override {
    struct stat status {};
    ::fstat(descriptor, &status);
    bool grows = offset + bytes.size() > static_cast<std::uint64_t>(status.st_size);
    if (is_full_ && grows) return file_error("write", path, ENOSPC);
    if (may_go_on()) return MboxDisk::write(descriptor, offset, bytes, path);
    if (writes_left_ == -1) {
      TRY_DO(MboxDisk::write(descriptor, offset, bytes.substr(0, bytes.size() / 2), path));
    }
    return stopped();
  }
  Result<void> truncate(int descriptor, std::uint64_t size, const std::string& path) override {
    if (!may_go_on()) return stopped();
    TRY_DO(MboxDisk::truncate(descriptor, size, path));
    if (kills_) throw Killed{};
    return {};
  }
  Result<void> sync(int, const std::string&) override {
    return writes_left_ >= 0 ? Result<void>() : stopped();
  }
  Result<void> sync_directory(const FilePlace&) override { return {}; }
  std::uint64_t room(const std::string&) override { return is_full_ ? 0 : UINT64_MAX; }

 private:
  bool may_go_on() {
    ++writes_;
    return --writes_left_ >= 0;
  }
  static Error stopped() { return Error(451, ResponseCode::Unavailable, "the disk has stopped"); }

  int writes_left_ = INT_MAX;
  int writes_ = 0;
  bool is_full_ = false;
  bool kills_ = false;
};

}  // namespace pennypost::store
