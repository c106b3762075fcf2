#include "store/service/auth_process.h"

#include <stdexcept>
#include <unordered_map>

#include "common/base/text.h"
#include "common/crypto/password.h"
#include "common/crypto/random.h"
#include "common/log/log.h"
#include "common/sasl/server.h"
#include "common/session/login_throttle.h"
#include "store/accounts/authenticator.h"
#include "store/service/auth.h"
#include "store/service/handover.h"

namespace pennypost::store {
namespace {

constexpr std::size_t token_characters = 32;

class AuthServer {
 public:
  AuthServer(Child& child, std::string server_secret, Authenticator authenticator)
      : child_(child),
        server_secret_(std::move(server_secret)),
        throttle_(Clock::system(), child.config()->auth_failures_per_address_max,
                  child.config()->auth_failures_window),
        authenticator_(std::move(authenticator)) {
    for (const char* kind : {"login", "receive"}) serve(child_.services(kind));
  }

 private:
  struct Exchange {
    std::unique_ptr<ServerExchange> sasl;
    SteadyTime since;
  };

  void serve(Services& services);
  Task<Result<AuthAnswer>> answer(AuthStep step);
  Task<Result<Done>> forget(AuthAbort abort, ProcessNumber from);
  /// Looks up what the mechanism needs until it has something to say to the client.
  Task<Result<SaslStep>> settle(ServerExchange& sasl, SaslStep step, const std::string& address);
  Task<Result<AuthAnswer>> succeed(const AuthStep& step, SaslStep done);
  Task<AuthAnswer> fail(const AuthStep& step, std::string login, std::string reason);
  void forget_old();

  static std::string key_of(std::uint64_t process, std::uint64_t exchange) {
    return std::to_string(process) + "." + std::to_string(exchange);
  }

  Child& child_;
  std::string server_secret_;
  AddressThrottle throttle_;
  Authenticator authenticator_;
  std::unordered_map<std::string, Exchange> exchanges_;
};

void AuthServer::forget_old() {
  auto oldest = std::chrono::steady_clock::now() - child_.config()->auth_timeout;
  std::erase_if(exchanges_, [&](const auto& entry) { return entry.second.since < oldest; });
}

/// An exchange belongs to the process that began it: no other can go on with it or end it.
void AuthServer::serve(Services& services) {
  services.on<AuthStep>([this](AuthStep step, std::vector<Descriptor>, ProcessNumber from) {
    step.process = from.value();
    return answer(std::move(step));
  });
  services.on<AuthAbort>([this](AuthAbort abort, std::vector<Descriptor>, ProcessNumber from) {
    return forget(std::move(abort), from);
  });
}

Task<Result<Done>> AuthServer::forget(AuthAbort abort, ProcessNumber from) {
  exchanges_.erase(key_of(from.value(), abort.exchange));
  co_return Done();
}

Task<Result<AuthAnswer>> AuthServer::answer(AuthStep step) {
  std::string key = key_of(step.process, step.exchange);
  std::optional<std::string> response;
  if (step.has_response) response = std::move(step.response);
  SaslStep next;
  std::unique_ptr<ServerExchange> sasl;
  auto found = exchanges_.find(key);
  if (found == exchanges_.end()) {
    forget_old();
    if (exchanges_.size() >= exchanges_max) co_return Error::temporary("4.3.2 too many logins");
    ServerExchange::Environment environment;
    environment.channel_binding = step.channel_binding;
    environment.server_secret = server_secret_;
    sasl = ServerExchange::make(step.mechanism, std::move(environment));
    if (sasl == nullptr) {
      auto work = fail(step, "", "unknown mechanism " + printable(step.mechanism, 40));
      co_return co_await std::move(work);
    }
    next = sasl->start(response);
  } else {
    sasl = std::move(found->second.sasl);
    exchanges_.erase(found);
    next = sasl->respond(response.value_or(""));
  }
  std::string attempted = next.login;
  auto settling = settle(*sasl, std::move(next), step.client_address);
  CO_TRY(auto settled, co_await std::move(settling));
  if (settled.kind == SaslStep::Kind::Challenge) {
    Exchange open;
    open.sasl = std::move(sasl);
    open.since = std::chrono::steady_clock::now();
    exchanges_.insert_or_assign(key, std::move(open));
    AuthAnswer more;
    more.kind = AuthAnswer::Kind::Continue;
    more.challenge = std::move(settled.text);
    co_return std::move(more);
  }
  if (settled.kind == SaslStep::Kind::Success) {
    auto work = succeed(step, std::move(settled));
    co_return co_await std::move(work);
  }
  auto work = fail(step, std::move(attempted), std::move(settled.text));
  co_return co_await std::move(work);
}

Task<Result<SaslStep>> AuthServer::settle(ServerExchange& sasl, SaslStep step,
                                          const std::string& address) {
  for (;;) {
    if (step.kind == SaslStep::Kind::NeedPassword) {
      auto account = co_await child_.loop().offload(
          [&] { return authenticator_.verify(step.login, step.password, address); });
      if (!account) co_return Error(std::move(account).error());
      step = sasl.password_checked(account->has_value());
    } else if (step.kind == SaslStep::Kind::NeedKeys) {
      auto keys =
          co_await child_.loop().offload([&] { return authenticator_.scram_keys(step.login); });
      if (!keys) co_return Error(std::move(keys).error());
      step = sasl.keys_found(*keys);
    } else {
      co_return std::move(step);
    }
  }
}

Task<Result<AuthAnswer>> AuthServer::succeed(const AuthStep& step, SaslStep done) {
  auto address = IpAddress::parse(step.client_address);
  // An address that has used up its failures is told that the password is wrong, even if it is
  // right.
  if (address && throttle_.is_blocked(*address)) {
    auto work = fail(step, done.login, "too many failures from this address");
    co_return co_await std::move(work);
  }
  auto account = co_await child_.loop().offload([&] { return authenticator_.account(done.login); });
  if (!account) co_return Error(std::move(account).error());
  if (!*account) {
    auto work = fail(step, done.login, "no such account");
    co_return co_await std::move(work);
  }
  if (address) throttle_.succeeded(*address);
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Success;
  answer.challenge = std::move(done.text);
  answer.login = (*account)->name;
  if (step.service != "smtp") {
    Verified verified;
    verified.token = answer.token = random_text(token_characters);
    verified.process = ProcessNumber(step.process);
    verified.login = answer.login;
    verified.account = **std::move(account);
    auto work = child_.port("master").call(std::move(verified));
    auto known = co_await std::move(work);
    if (!known) co_return Error(std::move(known).error());
  }
  co_return std::move(answer);
}

Task<AuthAnswer> AuthServer::fail(const AuthStep& step, std::string login, std::string reason) {
  auto address = IpAddress::parse(step.client_address);
  if (address) throttle_.failed(*address);
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Failure;
  answer.login = std::move(login);
  answer.reason = std::move(reason);
  co_return std::move(answer);
}

}  // namespace

void run_auth(Child& child) {
  prepare_crypto();
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->auth_worker_threads));
  std::string server_secret = random_bytes(32);
  auto system = system_users_of(*child.config());
  auto options = map_options(*child.config(), "auth");
  auto authenticator =
      Authenticator::open(child.config(), std::move(system), server_secret, options);
  if (!authenticator) throw std::runtime_error(authenticator.error().text());
  AuthServer server(child, std::move(server_secret), *std::move(authenticator));
  child.run();
}

}  // namespace pennypost::store
