// Names the socket on which a daemon's master receives the requests of `pennypost reload`.
#pragma once

#include <string>

namespace pennypost {

/// A Unix socket for root and the daemon's own user; control.h's TryReload and CommitReload.
inline std::string reload_socket_path(const std::string& base_dir, const std::string& daemon) {
  return base_dir + "/" + daemon + ".socket";
}

}  // namespace pennypost
