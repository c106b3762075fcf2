#include "smtpd/process/table.h"

#include "common/base/text.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/pipe_user.h"
#include "smtpd/inbound/named_certificates.h"
#include "smtpd/process/deliver.h"
#include "smtpd/process/lookup.h"
#include "smtpd/process/message_types.h"
#include "smtpd/process/metrics.h"
#include "smtpd/process/queue.h"
#include "smtpd/process/receive.h"
#include "smtpd/process/send.h"
#include "smtpd/queue/directories.h"
#include "smtpd/routing/forwarded_senders.h"
#include "smtpd/routing/sts_store.h"
#include "store/login/auth_process.h"
#include "store/login/credentials_keeper.h"
#include "store/login/mail_directories.h"
#include "store/login/place.h"
#include "store/maps/network_entries.h"

namespace pennypost::smtp {
namespace {

/// The user of a [transport.NAME] of kind pipe; as in Postfix neither root nor the mail system.
Result<store::Place> place_of_transport(const Config& config, const std::string& name) {
  const OwnTransport* transport = config.find_transport(name);
  if (transport == nullptr || transport->kind != TransportKind::Pipe) {
    return Error::temporary("4.3.5",
                            "there is no transport " + printable(name, 100) + " of kind pipe");
  }
  store::Place place;
  place.instance = name;
  place.is_shared = true;
  if (!is_root()) return place;
  TRY(place.identity, pipe_identity(config, *transport));
  return place;
}

/// Finds an account's deliver process, or starts one. The queue only names the account; uid and gid
/// are looked up here.
Task<Result<NeedDeliver::Where>> need_deliver(Master& master, NeedDeliver request) {
  store::Place place;
  if (!request.transport.empty()) {
    CO_TRY(place, place_of_transport(*master.config(), request.transport));
  } else if (request.account.empty()) {
    place.instance = "nobody";
    place.is_shared = true;
    if (is_root()) {
      CO_TRY(place.identity, Identity::of_user(master.config()->default_privs, "default_privs"));
    }
  } else {
    store::AccountRef account;
    account.name = request.account;
    account.is_system = request.is_system;
    CO_TRY(place, store::place_of(*master.config(), account, 1));
  }
  NeedDeliver::Where where;
  Demand demand;
  demand.kind = request.transport.empty() ? "deliver" : "pipe";
  demand.instance = std::move(place.instance);
  demand.identity = std::move(place.identity);
  demand.is_shared = place.is_shared;
  CO_TRY(auto started, co_await master.start_on_demand(std::move(demand)));
  where.kind = std::move(started.port);
  co_return std::move(where);
}

Kind auth() {
  Kind kind;
  kind.name = "auth";
  kind.user = Kind::User::AuthUser;
  kind.calls = store::auth_calls;
  kind.run = store::run_auth;
  kind.asks_master = store::serve_credentials;
  kind.is_wanted = [](const Config& config) { return config.role != Role::NullClient; };
  return kind;
}

Kind lookup() {
  Kind kind;
  kind.name = "lookup";
  kind.lives_on = true;
  kind.read_only = true;
  kind.writes = [](const Config& config) {
    return std::vector<std::string>{sts_directory(config.data_directory)};
  };
  kind.calls = Calls::ReadFiles | Calls::WriteFiles | Calls::Network | Calls::HostServices;
  kind.run = run_lookup;
  return kind;
}

Kind queue() {
  Kind kind;
  kind.name = "queue";
  kind.lives_on = true;
  kind.no_network = true;
  kind.calls = Calls::ReadFiles | Calls::WriteFiles | Calls::HostServices;
  kind.peers = {"lookup", "send", "deliver", "pipe"};
  kind.run = run_queue;
  kind.asks_master = [](Master& master, Services& services) {
    services.on<NeedDeliver>([&master](NeedDeliver request, std::vector<Descriptor>) {
      return need_deliver(master, std::move(request));
    });
  };
  return kind;
}

Kind receive() {
  Kind kind;
  kind.name = "receive";
  kind.number = Kind::Number::PerTwoCores;
  kind.user = Kind::User::NullUser;
  kind.listens = true;
  kind.no_files = true;
  kind.calls = Calls::Accept | Calls::Network;
  kind.peers = {"auth", "lookup", "queue"};
  kind.run = run_receive;
  return kind;
}

Kind send() {
  Kind kind;
  kind.name = "send";
  kind.number = Kind::Number::PerCore;
  kind.user = Kind::User::NullUser;
  kind.no_files = true;
  kind.sends = true;
  kind.calls = Calls::Network;
  kind.run = run_send;
  return kind;
}

Kind deliver() {
  Kind kind;
  kind.name = "deliver";
  kind.number = Kind::Number::OnDemand;
  kind.user = Kind::User::Account;
  kind.lives_on = true;
  kind.calls = Calls::RunPrograms;
  kind.run = run_deliver;
  kind.limit =
      ProcessLimit{"deliver_process_limit",
                   [](const Config& config) { return config.deliver_process_limit; }, true};
  return kind;
}

/// Runs the commands of a [transport.NAME].
Kind pipe() {
  Kind kind = deliver();
  kind.name = "pipe";
  kind.user = Kind::User::Program;
  // A reload may change the user.
  kind.lives_on = false;
  return kind;
}

Kind metrics(const std::shared_ptr<MetricsDesk>& desk) {
  Kind kind;
  kind.name = "metrics";
  kind.user = Kind::User::NullUser;
  kind.no_files = true;
  kind.calls = Calls::Accept;
  kind.run = run_metrics;
  kind.is_wanted = [](const Config& config) { return config.metrics_port != 0; };
  kind.asks_master = [desk](Master& master, Services& services) { desk->serve(master, services); };
  return kind;
}

}  // namespace

DaemonSpec process_table() {
  auto desk = std::make_shared<MetricsDesk>();
  DaemonSpec spec;
  spec.name = "smtpd";
  spec.is_tls_client = true;
  spec.prepare = [desk](const Config& config) -> Result<void> {
    if (config.role != Role::NullClient) {
      TRY_DO(store::prepare_mail_directories(config));
      TRY_DO(prepare_srs_secret(config));
    }
    TRY_DO(prepare_sts_directory(config));
    TRY_DO(prepare_queue_directories(config));
    return desk->try_port(config);
  };
  spec.read_names = read_named_certificates;
  spec.read_networks = store::networks_of;
  spec.services = {Service::Smtp, Service::Submission, Service::Submissions};
  spec.kinds = {auth(),    lookup(),      queue(),
                receive(), send(),        deliver(),
                pipe(),    metrics(desk), store::credentials_keeper()};
  return spec;
}

}  // namespace pennypost::smtp
