#include "smtpd/process/table.h"

#include "smtpd/delivery/messages.h"
#include "smtpd/process/deliver.h"
#include "smtpd/process/lookup.h"
#include "smtpd/process/message_types.h"
#include "smtpd/process/queue.h"
#include "smtpd/process/receive.h"
#include "smtpd/process/send.h"
#include "smtpd/queue/directories.h"
#include "store/service/auth_process.h"
#include "store/service/mail_directories.h"
#include "store/service/place.h"

namespace pennypost::smtp {
namespace {

/// The deliver process of an account, started if it does not run. The queue names an account; uid
/// and gid are looked up here.
Task<Result<NeedDeliver::Where>> need_deliver(Master& master, NeedDeliver request) {
  store::Place place;
  if (request.account.empty()) {
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
  demand.kind = "deliver";
  demand.instance = std::move(place.instance);
  demand.identity = std::move(place.identity);
  demand.is_shared = place.is_shared;
  CO_TRY(auto started, co_await master.start_on_demand(std::move(demand)));
  where.kind = std::move(started.port);
  co_return std::move(where);
}

}  // namespace

DaemonSpec process_table() {
  Kind auth;
  auth.name = "auth";
  auth.user = Kind::User::AuthUser;
  auth.calls = store::auth_calls;
  auth.run = store::run_auth;
  auth.is_wanted = [](const Config& config) { return config.role != Role::NullClient; };

  Kind lookup;
  lookup.name = "lookup";
  lookup.lives_on = true;
  lookup.read_only = true;
  lookup.calls = Calls::ReadFiles | Calls::Network | Calls::HostServices;
  lookup.run = run_lookup;

  Kind queue;
  queue.name = "queue";
  queue.lives_on = true;
  queue.no_network = true;
  queue.calls = Calls::ReadFiles | Calls::WriteFiles | Calls::HostServices;
  queue.peers = {"lookup", "send", "deliver"};
  queue.run = run_queue;
  queue.asks_master = [](Master& master, Services& services) {
    services.on<NeedDeliver>([&master](NeedDeliver request, std::vector<Descriptor>) {
      return need_deliver(master, std::move(request));
    });
  };

  Kind receive;
  receive.name = "receive";
  receive.number = Kind::Number::PerTwoCores;
  receive.user = Kind::User::NullUser;
  receive.listens = true;
  receive.no_files = true;
  receive.calls = Calls::Accept | Calls::Network;
  receive.peers = {"auth", "lookup", "queue"};
  receive.run = run_receive;

  Kind send;
  send.name = "send";
  send.number = Kind::Number::PerCore;
  send.user = Kind::User::NullUser;
  send.no_files = true;
  send.calls = Calls::Network;
  send.run = run_send;

  Kind deliver;
  deliver.name = "deliver";
  deliver.number = Kind::Number::OnDemand;
  deliver.user = Kind::User::Account;
  deliver.lives_on = true;
  deliver.calls = Calls::RunPrograms;
  deliver.run = run_deliver;
  deliver.limit =
      ProcessLimit{"deliver_process_limit",
                   [](const Config& config) { return config.deliver_process_limit; }, true};

  DaemonSpec spec;
  spec.name = "smtpd";
  spec.prepare = [](const Config& config) -> Result<void> {
    if (config.role != Role::NullClient) {
      TRY_DO(store::prepare_mail_directories(config));
    }
    return prepare_queue_directories(config);
  };
  spec.services = {Service::Smtp, Service::Submission, Service::Submissions};
  spec.kinds = {std::move(auth),    std::move(lookup), std::move(queue),
                std::move(receive), std::move(send),   std::move(deliver)};
  return spec;
}

}  // namespace pennypost::smtp
