// Says which process runs a daemon, in a file that it holds locked: one master a daemon and
// directory. An orderly end removes the file; what a crash leaves behind is locked by nobody,
// counts for nothing, and is taken over at the next start. The file is believed only as far as its
// owner: as root, we would else stop whatever process somebody has written into it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost {

class PidFile {
 public:
  /// Makes `directory` if it is missing, and `directory/NAME.pid`; an error when another process
  /// holds it, or it can't be written. On a full disk it stays empty, which running() copes with.
  static Result<PidFile> create(const std::string& directory, const std::string& name);
  PidFile(PidFile&& other) noexcept
      : descriptor_(std::move(other.descriptor_)),
        path_(std::move(other.path_)),
        owner_(std::exchange(other.owner_, 0)) {}
  PidFile& operator=(PidFile&&) = delete;
  /// Removes the file, if this is the process that made it.
  ~PidFile();
  /// The process that holds it and whose user the file's owner is; nothing when none runs.
  static std::optional<pid_t> running(const std::string& directory, const std::string& name);

 private:
  PidFile(Descriptor descriptor, std::string path, pid_t owner)
      : descriptor_(std::move(descriptor)), path_(std::move(path)), owner_(owner) {}
  Descriptor descriptor_;
  std::string path_;
  pid_t owner_;  // 0: none; a child has a copy that is not its own
};

}  // namespace pennypost
