// What local programs ask over the queue's socket in, the queue's answers out.
//
// Everybody may post, list and flush; root, and the user that the queue runs as, may change, remove
// and read. Who asks is what the kernel says (SO_PEERCRED).
//
// LIMITS  control_connections_max at once, control_connections_per_user_max of one user who is not
//         root; idle ones are closed after control_idle_seconds; requests of control_bytes_max
//
// SEE ALSO   ../commands/control.h (the requests)
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "common/async/nursery.h"
#include "common/net/listener.h"
#include "common/net/message_socket.h"
#include "common/process/port.h"
#include "smtpd/commands/control.h"
#include "smtpd/queue/pickup.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

inline constexpr std::size_t control_connections_max = 256;
inline constexpr std::size_t control_connections_per_user_max = 32;
inline constexpr std::chrono::seconds control_idle_seconds{60};
inline constexpr std::size_t changes_at_once = 100;  // of messages that a request names together

class ControlServer {
 public:
  ControlServer(Loop& loop, Queue& queue, Scheduler& scheduler, PickupDesk& pickup);

  /// Binds the socket. Error: why it can't be.
  Result<void> listen(const std::string& path);
  /// Accepts and serves until cancelled.
  Task<> run();
  /// One connection, of a user who is known; for tests too.
  Task<> serve(Descriptor socket, uid_t uid);
  /// Ends all connections where they stand.
  void end() { tasks_.cancel(); }

 private:
  using Answer = Result<RawReply>;
  Task<Answer> answer(Message& request, uid_t uid);
  Task<Answer> post(PostMail ask, Descriptor message, uid_t uid);
  Task<Answer> list(ListQueue ask);
  Task<Answer> flush(FlushQueue ask);
  Task<Answer> change(ChangeQueue ask);
  Task<> change_and_count(QueueChange change, const QueueId& id, std::uint32_t& count);
  Task<bool> change_one(QueueChange change, const QueueId& id);
  Task<Answer> read(ReadMessage ask);
  Task<std::uint32_t> flush_site(std::string site);
  Task<> count_and_serve(Descriptor socket, uid_t uid);

  Loop& loop_;
  Queue& queue_;
  Scheduler& scheduler_;
  PickupDesk& pickup_;
  std::optional<Listener> listener_;
  std::size_t connections_ = 0;
  std::map<uid_t, std::size_t> by_user_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
