// A command's way to the queue: by the socket of the process that serves it or, while smtpd is
// stopped, by a process of the command's own.
//
// The latter is for root and for the user that the queue belongs to. It runs as mail_owner, as the
// queue would, so that no file in it becomes root's.
//
// SEE ALSO   ../pickup/control.h (what may be asked), ../pickup/stopped_queue.h
#pragma once

#include <sys/types.h>

#include <memory>
#include <utility>

#include "common/base/result.h"
#include "common/config/config.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

class QueueAccess {
 public:
  /// Error: nobody serves the queue, and this user may not open it or it can't be opened.
  static Result<QueueAccess> open(const std::shared_ptr<const Config>& config);
  QueueAccess(QueueAccess&& other) noexcept
      : client_(std::move(other.client_)), process_(std::exchange(other.process_, 0)) {}
  QueueAccess& operator=(QueueAccess&&) = delete;
  /// Gives the queue back: smtpd may be started.
  ~QueueAccess();

  QueueClient& client() { return *client_; }
  /// Whether smtpd is stopped. Who shows much to a slow reader should give the queue back first.
  bool is_direct() const { return process_ != 0; }

 private:
  QueueAccess(QueueClient client, pid_t process) : client_(std::move(client)), process_(process) {}
  std::optional<QueueClient> client_;
  pid_t process_;  // 0: none of ours
};

}  // namespace pennypost::smtp
