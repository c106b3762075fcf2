#include "store/login/credentials_keeper.h"

#include <utility>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/wire.h"
#include "common/crypto/random.h"
#include "common/log/log.h"
#include "store/accounts/own_users.h"

namespace pennypost::store {
namespace {

constexpr std::size_t waiting_max = 1000;
constexpr Duration commit_pause{1000};
constexpr std::chrono::seconds idle_time{30};

void log_renewed(const std::vector<OwnUsers::Renewed>& all) {
  for (const auto& one : all) {
    log_info("keeper", "the password of " + one.name + " was " + one.old_scheme +
                           ", and is stored as argon2id now");
  }
}

class Keeper {
 public:
  explicit Keeper(Child& child) : child_(child), loop_(child.loop()) {
    child_.leave_when_idle(idle_time);
    child_.services("master").on<RenewPassword>(
        [this](RenewPassword ask, std::vector<Descriptor>) { return take(std::move(ask)); });
  }

 private:
  Task<Result<Done>> take(RenewPassword ask);
  Task<> commit();

  Child& child_;
  Loop& loop_;
  std::vector<OwnUsers::UsedPassword> waiting_;
  bool is_committing_ = false;
};

Task<Result<Done>> Keeper::take(RenewPassword ask) {
  if (waiting_.size() >= waiting_max) {
    co_return Error::temporary("4.3.2", "too many passwords wait to be stored");
  }
  OwnUsers::UsedPassword one;
  one.name = std::move(ask.name);
  one.password = Secret(std::move(ask.password));
  waiting_.push_back(std::move(one));
  if (!std::exchange(is_committing_, true)) child_.tasks().start(commit());
  co_return Done();
}

Task<> Keeper::commit() {
  Child::Busy busy(child_);
  while (!waiting_.empty()) {
    co_await loop_.sleep(commit_pause);
    auto all = std::exchange(waiting_, {});
    auto config = child_.config();
    auto renewed = co_await loop_.offload([&]() -> Result<std::vector<OwnUsers::Renewed>> {
      TRY(auto users, OwnUsers::open(config));
      return users.renew(all);
    });
    if (!renewed) log_warning("keeper", "passwords not stored anew: " + renewed.error().text());
    if (renewed) log_renewed(*renewed);
  }
  is_committing_ = false;
}

Task<Result<Done>> pass_on(Master& master, RenewPassword ask) {
  Demand demand;
  demand.kind = "keeper";
  demand.instance = "credentials";
  demand.is_shared = true;
  CO_TRY(auto started, co_await master.start_on_demand(std::move(demand)));
  auto work = started.link->call(RenewPassword::type, wire::encode(ask), {});
  auto answer = co_await std::move(work);
  if (!answer) co_return Error(std::move(answer).error());
  co_return Done();
}

void run_keeper(Child& child) {
  prepare_crypto();
  Keeper keeper(child);
  child.run();
}

}  // namespace

Kind credentials_keeper() {
  Kind kind;
  kind.name = "keeper";
  kind.number = Kind::Number::OnDemand;
  kind.user = Kind::User::Keeper;
  kind.lives_on = true;
  kind.no_network = true;
  kind.calls = Calls::ReadFiles | Calls::WriteFiles | Calls::HostServices;
  kind.run = run_keeper;
  return kind;
}

void serve_credentials(Master& master, Services& services) {
  services.on<RenewPassword>([&master](RenewPassword ask, std::vector<Descriptor>) {
    return pass_on(master, std::move(ask));
  });
}

}  // namespace pennypost::store
