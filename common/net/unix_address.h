// The address of a local socket, from its path.
//
// STANDARDS  none; unix(7)
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "common/base/result.h"

namespace pennypost {

/// Error 550: the path is longer than the 107 bytes that fit.
Result<sockaddr_un> unix_address(const std::string& path);

}  // namespace pennypost
