// Records in a locked file which process runs a daemon, and allows one master per daemon and
// directory.
//
// An orderly end removes the file. A file left by a crash is not locked; it is ignored, and used
// again at the next start. A process number in the file is believed only if that process runs as
// the file's owner: otherwise root could be made to stop any process that is written into it.
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
  /// Makes `directory` if it is missing, and `directory/NAME.pid`; an error if another process
  /// holds it, or it can't be written. On a full disk the file stays empty, which running() can
  /// handle.
  static Result<PidFile> create(const std::string& directory, const std::string& name);
  PidFile(PidFile&& other) noexcept
      : descriptor_(std::move(other.descriptor_)),
        path_(std::move(other.path_)),
        owner_(std::exchange(other.owner_, 0)) {}
  PidFile& operator=(PidFile&&) = delete;
  /// Removes the file if this process has made it.
  ~PidFile();
  /// The process that holds the file, if it runs as the file's owner; nothing if there is none.
  static std::optional<pid_t> running(const std::string& directory, const std::string& name);

 private:
  PidFile(Descriptor descriptor, std::string path, pid_t owner)
      : descriptor_(std::move(descriptor)), path_(std::move(path)), owner_(owner) {}
  Descriptor descriptor_;
  std::string path_;
  pid_t owner_;  // the process that made the file; 0: moved from
};

}  // namespace pennypost
