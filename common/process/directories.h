// A directory that a daemon needs in; made where it is missing, as its owner's, out.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/result.h"
#include "common/process/privileges.h"

namespace pennypost {

/// Makes `path` and what lies above it. A directory that exists stays as it is; a new one gets
/// `mode`, and as root the owner. `parameter` is the setting to name in the error.
Result<void> prepare_directory(const std::string& path, mode_t mode, const Identity* owner,
                               const std::string& parameter);

}  // namespace pennypost
