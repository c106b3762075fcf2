#include "store/mbox/disk.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "store/mailbox/file.h"

namespace pennypost::store {

MboxDisk& MboxDisk::system() {
  static MboxDisk disk;
  return disk;
}

Result<void> MboxDisk::write(int descriptor, std::uint64_t offset, std::string_view bytes,
                             const std::string& path) {
  while (!bytes.empty()) {
    auto count = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> MboxDisk::truncate(int descriptor, std::uint64_t size, const std::string& path) {
  if (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) return file_error("shorten", path);
  return {};
}

Result<void> MboxDisk::sync(int descriptor, const std::string& path) {
  return sync_file(descriptor, path);
}

Result<void> MboxDisk::sync_directory(const FilePlace& place) { return place.sync_directory(); }

std::uint64_t MboxDisk::room(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return UINT64_MAX;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

std::uint64_t mbox_hash(std::string_view bytes, std::uint64_t hash) {
  for (char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211ull;
  }
  return hash;
}

}  // namespace pennypost::store
