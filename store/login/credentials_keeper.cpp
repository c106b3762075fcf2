#include "store/login/credentials_keeper.h"

#include <utility>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/base/wire.h"
#include "common/crypto/random.h"
#include "common/log/log.h"
#include "store/accounts/own_users.h"
#include "store/mailbox/quota_rules.h"

namespace pennypost::store {
namespace {

constexpr std::size_t waiting_max = 1000;
constexpr std::size_t name_bytes_shown_max = 200;
constexpr Duration commit_pause{1000};
constexpr std::chrono::seconds idle_time{30};

void log_renewed(const std::vector<OwnUsers::Renewed>& all) {
  for (const auto& one : all) {
    log_info("keeper", "the password of " + one.name + " was " + one.old_scheme +
                           ", and is stored as argon2id now");
  }
}

/// The rules of a user with these limits for the account.
Result<std::string> rules_with(const OwnUser& user, const SetQuota& ask) {
  TRY(auto rules, QuotaRules::parse(user.fields.quota_rule));
  // 0 also undoes a limit that the host or the domain has.
  TRY(auto limits, QuotaRules::parse("*:bytes=" + std::to_string(ask.bytes) +
                                     ":messages=" + std::to_string(ask.messages)));
  rules.replace_by(limits);
  return rules.text();
}

Result<void> set_quota(const std::shared_ptr<const Config>& config, const SetQuota& ask) {
  auto users = OwnUsers::open(config);
  if (!users) return Error(550, ResponseCode::Cannot, users.error().text());
  auto admin = users->find(ask.admin);
  bool is_admin = admin && admin->fields.is_admin() && !admin->fields.is_disabled();
  if (!is_admin) return Error(550, ResponseCode::NoPerm, ask.admin + " is no admin");
  auto user = users->find(ask.user);
  if (!user || user->name.starts_with('@')) {
    return Error(550, ResponseCode::NonExistent, "there is no user " + ask.user);
  }
  TRY(auto rules, rules_with(*user, ask));
  TRY_DO(users->change_fields(user->name, {{"quota_rule", rules}}));
  log_info("keeper", "the quota of " + user->name + " is " + rules + " now, set by " + ask.admin);
  return {};
}

class Keeper {
 public:
  explicit Keeper(Child& child) : child_(child), loop_(child.loop()) {
    child_.leave_when_idle(idle_time);
    child_.services("master").on<RenewPassword>(
        [this](RenewPassword ask, std::vector<Descriptor>) { return take(std::move(ask)); });
    child_.services("master").on<SetQuota>(
        [this](SetQuota ask, std::vector<Descriptor>) { return set(std::move(ask)); });
  }

 private:
  Task<Result<Done>> take(RenewPassword ask);
  Task<Result<Done>> set(SetQuota ask);
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

Task<Result<Done>> Keeper::set(SetQuota ask) {
  Child::Busy busy(child_);
  auto config = child_.config();
  auto done = co_await loop_.offload([&] { return set_quota(config, ask); });
  if (!done) {
    log_warning("keeper", "the quota of " + printable(ask.user, name_bytes_shown_max) +
                              " is not set: " + done.error().text());
    co_return Error(std::move(done).error());
  }
  co_return Done();
}

template <class Request>
Task<Result<Done>> pass_on(Master& master, Request ask) {
  Demand demand;
  demand.kind = "keeper";
  demand.instance = "credentials";
  demand.is_shared = true;
  CO_TRY(auto started, co_await master.start_on_demand(std::move(demand)));
  auto work = started.link->call(Request::type, wire::encode(ask), {});
  auto answer = co_await std::move(work);
  if (!answer) co_return Error(std::move(answer).error());
  co_return Done();
}

Task<Result<Done>> set_for_session(Master& master, SetQuota ask, bool has_session) {
  if (!has_session) {
    auto admin = printable(ask.admin, name_bytes_shown_max);
    log_warning("master",
                "a worker without a session of " + admin + " asks for a quota in that name");
    co_return Error(550, ResponseCode::NoPerm, admin + " has no session there");
  }
  auto passing = pass_on(master, std::move(ask));
  co_return co_await std::move(passing);
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

void serve_quota_changes(Master& master, Services& services, HasSession has_session) {
  services.on<SetQuota>([&master, has_session = std::move(has_session)](
                            SetQuota ask, std::vector<Descriptor>, ProcessNumber worker) {
    bool is_there = has_session(ask.admin, worker);
    return set_for_session(master, std::move(ask), is_there);
  });
}

}  // namespace pennypost::store
