#include "store/mailbox/cached_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace pennypost::store {
namespace {

// Since Linux 5.12; the headers of older systems lack it.
constexpr std::uint64_t resolve_cached = 0x20;

}  // namespace

Descriptor open_cached(const std::string& path) {
  static std::atomic<bool> is_unknown{false};
  if (is_unknown.load(std::memory_order_relaxed)) return {};
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC;
  how.resolve = resolve_cached;
  auto number = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
  if (number < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM)) {
    is_unknown.store(true, std::memory_order_relaxed);
  }
  return Descriptor(number < 0 ? -1 : static_cast<int>(number));
}

bool read_cached(int descriptor, std::uint64_t offset, std::size_t length, std::string& text) {
  text.resize(length);
  struct iovec into {
    text.data(), length
  };
  auto count = ::preadv2(descriptor, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  return count >= 0 && static_cast<std::size_t>(count) == length;
}

}  // namespace pennypost::store
