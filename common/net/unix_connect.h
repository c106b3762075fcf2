// Connects to a Unix socket.
#pragma once

#include <string>

#include "common/async/loop.h"
#include "common/async/task.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost {

/// A connected socket. While the server has no room for a further connection, it waits, at most
/// `limit`. Errors are temporary; their text is only the cause (`Connection refused`).
Task<Result<Descriptor>> connect_unix(Loop& loop, std::string path, Duration limit);

}  // namespace pennypost
