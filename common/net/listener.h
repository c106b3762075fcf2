// Accepts connections on a bound port.
#pragma once

#include <memory>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/net/stream.h"

namespace pennypost {

/// Binds and listens; needs no loop, so that the master can do it. Errors name address and remedy.
Result<Descriptor> listen_tcp(const Endpoint& at);
/// A Unix stream socket with these permissions; an old socket file that nobody serves is replaced.
Result<Descriptor> listen_unix(const std::string& path, unsigned mode);

class Listener {
 public:
  explicit Listener(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  /// The next connection; it has what listen_tcp() set, TCP_NODELAY too. Survives EMFILE and the
  /// like by waiting a moment. Cancel the task that waits in it to stop accepting.
  Task<std::unique_ptr<Socket>> accept(Loop& loop);
  int descriptor() const { return descriptor_.number(); }

 private:
  Descriptor descriptor_;
  std::unique_ptr<Poll> poll_;
};

}  // namespace pennypost
