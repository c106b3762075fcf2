#include "common/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pennypost {
namespace {

std::string_view remedy(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "; give its owner the right to it (chown, chmod, also of the directories above)";
    case ENOSPC:
      return "; make room on that file system";
    case EDQUOT:
      return "; the disk quota of its owner is used up";
    case EROFS:
      return "; the file system is mounted read-only";
    default:
      return "";
  }
}

ResponseCode response_code(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ResponseCode::NoPerm;
    case EDQUOT:
      return ResponseCode::OverQuota;
    default:
      return ResponseCode::Unavailable;
  }
}

Error failed(bool is_full, ResponseCode response_code, std::string text) {
  auto status = is_full ? EnhancedStatus("4.3.1") : EnhancedStatus("4.3.0");
  return Error(is_full ? 452 : 451, status, response_code, std::move(text));
}

}  // namespace

Error file_error(std::string_view verb, const std::string& path, int error) {
  std::string text("can't ");
  text.append(verb).append(" ").append(path).append(": ");
  text.append(std::strerror(error)).append(remedy(error));
  Error made = failed(lacks_room(error), response_code(error), std::move(text));
  if (error == ENOSPC) return made.told("There is no space left on the server; try again later");
  return made;
}

bool lacks_room(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

Result<Descriptor> open_file(const std::string& path, int flags, mode_t mode) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file) return file_error((flags & O_CREAT) != 0 ? "create" : "open", path);
  return file;
}

Result<std::optional<std::string>> read_file(const std::string& path, std::uint64_t bytes_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::optional<std::string>();
  if (!file) return file_error("open", path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path);
  auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) {
    return failed(
        false, ResponseCode::Unavailable,
        "can't read " + path + ": it has more than " + std::to_string(bytes_max) + " bytes");
  }
  TRY(auto bytes, read_range(file.number(), 0, size, path));
  return std::optional<std::string>(std::move(bytes));
}

Result<std::string> read_up_to(int descriptor, std::size_t most, const std::string& path) {
  std::string bytes;
  std::array<char, 65536> block;
  while (bytes.size() < most) {
    auto count = ::read(descriptor, block.data(), std::min(block.size(), most - bytes.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path);
    if (count == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(count));
  }
  return bytes;
}

Result<std::size_t> read_at(int descriptor, std::span<char> into, std::uint64_t offset,
                            const std::string& path) {
  std::size_t got = 0;
  while (got < into.size()) {
    auto count =
        ::pread(descriptor, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path);
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

Result<std::string> read_range(int descriptor, std::uint64_t offset, std::uint64_t length,
                               const std::string& path) {
  std::string bytes(length, '\0');
  TRY(auto got, read_at(descriptor, bytes, offset, path));
  bytes.resize(got);
  return bytes;
}

Result<std::string> read_exactly(int descriptor, std::uint64_t offset, std::uint64_t length,
                                 const std::string& path) {
  TRY(auto bytes, read_range(descriptor, offset, length, path));
  if (bytes.size() < length) return too_short(path);
  return bytes;
}

Error too_short(const std::string& path) {
  return failed(false, ResponseCode::Unavailable,
                "can't read " + path + ": it is shorter than it was");
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> sync_file(int descriptor, const std::string& path) {
  if (::fsync(descriptor) != 0) return file_error("sync", path);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY));
  return sync_file(directory.number(), path);
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return file_error("create", path);
  return {};
}

}  // namespace pennypost
