// Says which process runs a daemon, in a file that it holds locked: one master a daemon and
// directory. The file is believed only as far as its owner: as root, we would else stop whatever
// process somebody has written into it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost {

class PidFile {
 public:
  /// Makes `directory` if it is missing, and `directory/NAME.pid`; an error when another process
  /// holds it, or it can't be written.
  static Result<PidFile> create(const std::string& directory, const std::string& name);
  /// The process that holds it and whose user the file's owner is; nothing when none runs.
  static std::optional<pid_t> running(const std::string& directory, const std::string& name);

 private:
  explicit PidFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

}  // namespace pennypost
