#include "store/login/mailbox_daemon.h"

#include <sys/stat.h>

#include "store/login/auth_process.h"
#include "store/login/credentials_keeper.h"
#include "store/login/handover.h"
#include "store/login/mail_directories.h"
#include "store/maps/network_entries.h"

namespace pennypost::store {

DaemonSpec mailbox_daemon(MailboxDaemon daemon) {
  auto desk = std::make_shared<HandOverDesk>();

  Kind auth;
  auth.name = "auth";
  auth.user = Kind::User::AuthUser;
  auth.calls = auth_calls;
  auth.run = run_auth;
  auth.asks_master = [desk](Master& master, Services& services) {
    desk->serve_auth(master, services);
    serve_credentials(master, services);
  };

  Kind login;
  login.name = "login";
  login.number = Kind::Number::PerCore;
  login.user = Kind::User::NullUser;
  login.listens = true;
  login.no_files = true;
  login.calls = Calls::Accept;
  login.peers = {"auth"};
  login.run = std::move(daemon.run_login);
  login.asks_master = [desk](Master& master, Services& services) {
    desk->serve_login(master, services);
  };

  Kind worker;
  worker.name = "worker";
  worker.number = Kind::Number::OnDemand;
  worker.user = Kind::User::Account;
  worker.lives_on = true;
  worker.calls = Calls::ReadFiles | Calls::WriteFiles | Calls::HostServices;
  worker.runs_programs = std::move(daemon.runs_programs);
  worker.serves_clients = true;
  // Files that a library creates, such as the index's database, must be private, too.
  worker.run = [run = std::move(daemon.run_worker)](Child& child) {
    umask(077);
    run(child);
  };
  worker.limit = ProcessLimit{"worker_process_limit",
                              [service = daemon.services.front()](const Config& config) {
                                return config.at(service).worker_process_limit;
                              }};
  worker.asks_master = [desk, sets_quota = daemon.sets_quota](Master& master, Services& services) {
    desk->serve_worker(master, services);
    if (!sets_quota) return;
    serve_quota_changes(master, services, [desk](const std::string& user, ProcessNumber asking) {
      return desk->has_session(user, asking);
    });
  };

  DaemonSpec spec;
  spec.name = std::move(daemon.name);
  spec.logs_as_service = true;
  spec.services = std::move(daemon.services);
  spec.prepare = prepare_mail_directories;
  spec.read_networks = networks_of;
  spec.kinds = {std::move(auth), std::move(login), std::move(worker), credentials_keeper()};
  return spec;
}

}  // namespace pennypost::store
