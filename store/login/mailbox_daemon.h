// A login and a worker body in, the process table of popd or imapd out: the two differ in these
// alone.
#pragma once

#include "common/process/master.h"

namespace pennypost::store {

struct MailboxDaemon {
  std::string name;               // popd
  std::vector<Service> services;  // pop3, pop3s
  std::function<void(Child&)> run_login;
  std::function<void(Child&)> run_worker;
};

DaemonSpec mailbox_daemon(MailboxDaemon daemon);

}  // namespace pennypost::store
