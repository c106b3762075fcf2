// A command's access to the queue: over the socket of the process that serves it or, while smtpd is
// stopped, by a child process that opens it.
//
// The latter is for root and the queue's owner. The child runs as mail_owner, like the queue
// process, so that no file in the queue becomes root's.
//
// SEE ALSO   ../pickup/control.h (the requests), ../pickup/stopped_queue.h
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
  /// Error: smtpd is stopped, and this user may not open the queue or it can't be opened.
  static Result<QueueAccess> open(const std::shared_ptr<const Config>& config);
  QueueAccess(QueueAccess&& other) noexcept
      : client_(std::move(other.client_)), process_(std::exchange(other.process_, 0)) {}
  QueueAccess& operator=(QueueAccess&&) = delete;
  /// Closes the queue, so that smtpd can be started.
  ~QueueAccess();

  QueueClient& client() { return *client_; }
  /// Whether smtpd is stopped. Then a command should close the queue before it writes much to a
  /// slow reader.
  bool is_direct() const { return process_ != 0; }

 private:
  static Result<QueueAccess> try_open(const std::shared_ptr<const Config>& config);
  QueueAccess(QueueClient client, pid_t process) : client_(std::move(client)), process_(process) {}
  std::optional<QueueClient> client_;
  pid_t process_;  // 0: no child
};

}  // namespace pennypost::smtp
