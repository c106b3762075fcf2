// Accepts connections on a bound port.
#pragma once

#include <memory>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/net/stream.h"

namespace pennypost {

/// Binds and listens, without a loop, so that the master can do it. Errors name address and remedy.
Result<Descriptor> listen_tcp(const Endpoint& at);
/// A Unix stream socket with these permissions; replaces an old socket file that nobody serves.
Result<Descriptor> listen_unix(const std::string& path, unsigned mode);

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
