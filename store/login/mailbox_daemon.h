// Builds the process table of popd or imapd, which differ only in their login and worker bodies.
#pragma once

#include "common/process/master.h"

namespace pennypost::store {

struct MailboxDaemon {
  std::string name;               // popd
  std::vector<Service> services;  // pop3, pop3s
  std::function<void(Child&)> run_login;
  std::function<void(Child&)> run_worker;
  /// Whether a worker may have an admin's SETQUOTA done.
  bool sets_quota = false;
  /// Whether a worker runs programs; empty: never.
  std::function<bool(const Config&)> runs_programs;
};

DaemonSpec mailbox_daemon(MailboxDaemon daemon);

}  // namespace pennypost::store
