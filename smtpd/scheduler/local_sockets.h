// Connects to the Unix sockets of LMTP servers, on behalf of `send`.
//
// `send` speaks with strangers, so it is chrooted into an empty directory and can open nothing, no
// socket either. The queue process connects in its place and hands the connection over. It runs as
// mail_owner, whom the socket must let in (in Dovecot: unix_listener with user = mail_owner), and
// like Postfix it takes a relative path for one in queue_directory.
//
// A `send` in a stranger's hands could ask for any socket. It gets only those to which mail is on
// its way at that moment: whoever sends holds a Permit for the sockets of the route.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/process/port.h"
#include "smtpd/routing/route.h"

namespace pennypost::smtp {

/// Asks `queue` for a connection to a Unix socket, which comes with the answer. Errors are
/// temporary; their text is only the cause (`Connection refused`).
struct ConnectSocket {
  static constexpr std::uint16_t type = 130;
  using Reply = Done;
  std::string path;  // as in the route's next hop
  template <class Archive>
  void fields(Archive& archive) {
    archive(path);
  }
};

class LocalSockets {
 public:
  /// `directory`: that of relative paths.
  LocalSockets(Loop& loop, std::string directory) : loop_(loop), directory_(std::move(directory)) {}

  /// While it exists, its route's sockets may be connected to. It must not outlive its
  /// LocalSockets.
  class Permit {
   public:
    Permit(LocalSockets& of, const Route& route);
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit();

   private:
    LocalSockets& of_;
    std::vector<std::string> paths_;
  };

  /// A connected socket, for ConnectSocket. While the server has no room for a further connection,
  /// it waits, at most `limit`.
  Task<Result<Descriptor>> connect(std::string path, Duration limit);
  /// The same for a socket that the configuration names, without a permit.
  Task<Result<Descriptor>> connect_to(std::string path, Duration limit);

 private:
  Loop& loop_;
  const std::string directory_;
  std::multiset<std::string> permitted_;
};

}  // namespace pennypost::smtp
