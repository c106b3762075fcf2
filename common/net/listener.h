// Accepts connections on a bound port.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/net/stream.h"

namespace pennypost {

/// Binds and listens, without a loop, so that the master can do it. Errors name address and remedy.
Result<Descriptor> listen_tcp(const Endpoint& at);
/// A Unix stream socket with these permissions; replaces an old socket file that nobody serves.
Result<Descriptor> listen_unix(const std::string& path, unsigned mode);

/// Who may connect to a Unix socket; unset: whoever made it stays its owner, or its group.
struct SocketAccess {
  unsigned mode = 0600;
  std::optional<uid_t> owner;
  std::optional<gid_t> group;
};
/// The same in a directory that another user may write to: nothing but the socket itself changes
/// its owner and mode, whatever is put in its place meanwhile.
Result<Descriptor> listen_unix(const std::string& path, const SocketAccess& access);
/// Gives an existing socket other permissions. Error: it is no socket, or we may not.
Result<void> give_access(const std::string& path, const SocketAccess& access);
/// Removes the file of a socket that is served no more; other files stay.
void remove_socket(const std::string& path);

class Listener {
 public:
  explicit Listener(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  /// The next connection; it inherits the socket options set by listen_tcp(), such as TCP_NODELAY.
  /// After EMFILE and the like it waits a moment and tries again. To stop accepting, cancel the
  /// task that waits in it.
  Task<std::unique_ptr<Socket>> accept(Loop& loop);
  int descriptor() const { return descriptor_.number(); }

 private:
  Descriptor descriptor_;
  std::unique_ptr<Poll> poll_;
};

}  // namespace pennypost
