#include "smtpd/commands/queue_access.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "common/log/log.h"
#include "common/process/privileges.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/pickup/stopped_queue.h"
#include "smtpd/queue/queue.h"
#include "store/kv/database.h"

namespace pennypost::smtp {
namespace {

/// Called in the child process.
Result<void> become_mail_owner(const Config& config) {
  LogOptions log;
  log.syslog_name = config.syslog_name;
  log.syslog_facility = config.syslog_facility;
  log.maillog_file = config.maillog_file;
  log.log_format = config.log_format;
  TRY_DO(open_log(log));
  umask(077);
  if (!is_root()) return {};
  Privileges keep;
  TRY(keep.identity, Identity::of_user(config.mail_owner, "mail_owner"));
  return drop_privileges(keep);
}

[[noreturn]] void run_child(std::shared_ptr<const Config> config, Descriptor socket) {
  ::signal(SIGPIPE, SIG_IGN);
  if (auto became = become_mail_owner(*config); !became) {
    Message frame;
    frame.type = control_error;
    frame.body = wire::encode(WireError(became.error()));
    [[maybe_unused]] auto sent = send_blocking(socket.number(), std::move(frame));
    ::_exit(1);
  }
  serve_stopped_queue(std::move(config), std::move(socket));
  ::_exit(0);
}

/// Waits until the child has opened the queue. Error: the one that the child reports.
Result<void> wait_for_opening(int socket) {
  TRY(auto first, receive_blocking(socket));
  if (!first) return Error::temporary("the queue's process has ended; see the log");
  if (first->type != control_error) return {};
  TRY(auto told, wire::decode<WireError>(first->body));
  return told.error();
}

void wait_for(pid_t process) {
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
}

constexpr std::chrono::milliseconds try_pause{50};

}  // namespace

// While smtpd starts or stops, its queue process has the queue open and does not serve it.
Result<QueueAccess> QueueAccess::open(const std::shared_ptr<const Config>& config) {
  auto until = std::chrono::steady_clock::now() + predecessor_seconds;
  for (;;) {
    auto access = try_open(config);
    bool is_locked =
        !access && store::storage_problem(access.error()) == store::StorageProblem::Locked;
    if (!is_locked || std::chrono::steady_clock::now() >= until) return access;
    std::this_thread::sleep_for(try_pause);
  }
}

Result<QueueAccess> QueueAccess::try_open(const std::shared_ptr<const Config>& config) {
  auto served = QueueClient::connect(config->queue_directory);
  if (served) return QueueAccess(*std::move(served), 0);
  if (!may_open_queue(config->queue_directory)) return std::move(served).error();
  auto [ours, theirs] = socket_pair();
  pid_t child = ::fork();
  if (child < 0) return Error::temporary(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ours.close();
    run_child(config, std::move(theirs));
  }
  theirs.close();
  auto opened = wait_for_opening(ours.number());
  if (!opened) {
    ours.close();
    wait_for(child);
    return std::move(opened).error();
  }
  return QueueAccess(QueueClient::over(std::move(ours)), child);
}

QueueAccess::~QueueAccess() {
  client_.reset();
  if (process_ != 0) wait_for(process_);
}

}  // namespace pennypost::smtp
