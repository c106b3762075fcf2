// Connects to a server that the settings name (common/config/server_ref.h).
#pragma once

#include <memory>
#include <string>

#include "common/config/server_ref.h"
#include "common/dns/resolver.h"
#include "common/net/stream.h"

namespace pennypost {

/// Tries the addresses of a name one after another. `directory`: that of relative paths of sockets.
/// `timeout`: for all together. Errors are temporary; their text is only the cause (`Connection
/// refused`).
Task<Result<std::unique_ptr<Socket>>> connect_server(Loop& loop, Resolver& resolver, ServerRef to,
                                                     std::string directory, Duration timeout);

}  // namespace pennypost
