#include "store/filtering/script_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/file.h"

namespace pennypost::store {

ScriptCache& ScriptCache::own() {
  static ScriptCache cache;
  return cache;
}

/// A user may have put a FIFO there: opened without waiting, and not read.
Result<std::optional<sieve::CompiledScript>> ScriptCache::at(const std::string& path,
                                                             std::uint64_t bytes_max,
                                                             const sieve::Extensions& offered) {
  using Found = std::optional<sieve::CompiledScript>;
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Found();
    return file_error("look at", path);
  }
  auto stamp = FileStamp::of(status);
  auto now = wall_clock_ns();
  auto key = std::pair(path, offered.bits());
  {
    std::lock_guard lock(mutex_);
    auto kept = kept_.find(key);
    if (kept != kept_.end() && kept->second.stamp == stamp) return Found(kept->second.compiled);
  }
  if (!S_ISREG(status.st_mode)) return Error::permanent(path + " is no regular file");
  TRY(auto file, open_file(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  TRY(auto text, read_up_to(file.number(), bytes_max + 1, path));
  if (text.size() > bytes_max) {
    return Error::permanent(path + " has more than " + std::to_string(bytes_max) +
                            " octets (sieve_max_script_size)");
  }
  auto compiled = sieve::compile(text, offered);
  // Only a file that can't have changed since without another time is known again.
  if (stamp.settled(now)) {
    std::lock_guard lock(mutex_);
    if (kept_.size() >= scripts_kept_max) kept_.clear();
    kept_.insert_or_assign(std::move(key), Kept{stamp, compiled});
  }
  return Found(std::move(compiled));
}

}  // namespace pennypost::store
