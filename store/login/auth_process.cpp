#include "store/login/auth_process.h"

#include "common/base/text.h"
#include "common/config/network_list.h"
#include "common/crypto/password.h"
#include "common/crypto/random.h"
#include "common/log/log.h"
#include "common/mail/idn.h"
#include "common/sasl/server.h"
#include "common/session/login_throttle.h"
#include "store/accounts/authenticator.h"
#include "store/accounts/blocked_users.h"
#include "store/accounts/login_refusal.h"
#include "store/accounts/table_check.h"
#include "store/login/app_password_uses.h"
#include "store/login/auth.h"
#include "store/login/auth_exchanges.h"
#include "store/login/auth_peers.h"
#include "store/login/auth_queue.h"
#include "store/login/credentials_keeper.h"
#include "store/login/handover.h"
#include "store/login/repeated_passwords.h"
#include "store/login/throttle_file.h"

namespace pennypost::store {
namespace {

constexpr std::size_t token_characters = 32;
// Looking up keys, and deriving them from a password in the clear, takes less.
constexpr Duration challenge_raster{10};
constexpr Duration delay_longest{300'000};
constexpr Duration save_interval{60'000};
constexpr Duration sweep_interval{10'000};
// Passwords of the same user are looked at that seldom; readers of the table see a change within
// two seconds.
constexpr std::int64_t renew_pause_seconds = 60;
constexpr std::size_t renewed_max = 10'000;
constexpr std::uint64_t lookup_threads = 2;
// However often others ask: a look at the table costs a thread.
constexpr Duration scram_lifetime{100};

LoginThrottle::Settings throttle_settings(const Config& config) {
  LoginThrottle::Settings settings;
  settings.per_address_max = config.auth_failures_per_address_max;
  settings.per_pair_max = config.auth_failures_per_pair_max;
  settings.window = config.auth_failures_window;
  settings.known_lifetime = config.auth_known_client_lifetime;
  settings.exempt = NetworkList(config.auth_throttle_exempt_networks);
  return settings;
}

AuthQueue::Limits queue_limits(const Config& config) {
  AuthQueue::Limits limits;
  limits.waiting_max = config.auth_waiting_max;
  limits.per_address_max = config.auth_waiting_per_address_max;
  limits.per_login_max = config.auth_waiting_per_login_max;
  limits.running_max = config.auth_worker_threads;
  return limits;
}

/// The first of since, since + step, since + 2 step … that has not passed.
SteadyTime on_raster(SteadyTime since, Duration step, SteadyTime now) {
  if (step.count() <= 0) return now;
  auto passed = std::chrono::ceil<Duration>(now - since);
  auto steps = std::max<std::int64_t>((passed + step - Duration(1)) / step, 1);
  return since + steps * step;
}

/// The name of an attempt in the queue.
std::string text_of(const AuthExchanges::Key& key) {
  return std::to_string(key.first.value()) + "." + std::to_string(key.second);
}

AuthAnswer temporary(std::string reason) {
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Temporary;
  answer.reason = std::move(reason);
  return answer;
}

/// The client learns nothing of what is wrong with an account, such as a mail_location that is not
/// known here; the log does.
Result<std::optional<AccountRef>> tell_of_account(const std::string& login,
                                                  Result<std::optional<AccountRef>> account) {
  if (!account) {
    log_warning("auth", printable(login, 200) + " can't log in: " + account.error().text());
  }
  return account;
}

/// Whether a process that serves `service` (smtp, pop3, imap, sieve) may say whom a certificate
/// names.
bool believes_certificates(const Config& config, std::string_view service) {
  auto believes = [&](Service kind) { return config.at(kind).auth_ssl_username_from_cert; };
  if (service == "imap") return believes(Service::Imap) || believes(Service::Imaps);
  if (service == "sieve") return believes(Service::Sieve);
  if (service == "pop3") return believes(Service::Pop3) || believes(Service::Pop3s);
  return believes(Service::Smtp) || believes(Service::Submission) || believes(Service::Submissions);
}

/// A question while it is answered.
struct Question {
  AuthStep step;
  AuthExchanges::Key key{master_process, 0};
  IpAddress client = IpAddress::loopback4();
  SteadyTime since;
  Duration first_delay{};
  Duration longest_delay{};
  std::string login;                  // as the throttle counts it, once it is known
  std::string stored_key;             // what a SCRAM exchange is checked against
  std::optional<AccountRef> account;  // whose password was right
  std::optional<Secret> password;     // the user's own, to be stored anew if that is due
  std::string app_name;               // of the app password that was used instead
  Duration raster{};                  // of the answer, unless it is a success
  bool is_repeated = false;           // a wrong password that is no new guess
  std::optional<AuthQueue::Attempt> attempt;
};

class AuthServer {
 public:
  AuthServer(Child& child, std::string server_secret, Authenticator authenticator,
             BlockedUsers blocked_users);
  void run();

 private:
  void serve(Services& services);
  Task<Result<AuthAnswer>> answer(AuthStep step);
  Task<Result<Done>> forget(AuthAbort abort, ProcessNumber from);
  Task<Result<AskScram::Answer>> tell_scram();
  Task<std::optional<bool>> look_for_scram();
  Task<AuthAnswer> decide(Question& question);
  /// Looks up what the mechanism needs, in its turn, and lets it go on. Error: not now.
  Task<Result<SaslStep>> settle(Question& question, ServerExchange& sasl, SaslStep step);
  Task<Result<void>> wait_for_turn(Question& question);
  Task<Result<std::optional<AccountRef>>> account_of(std::string login);
  Task<Result<std::optional<AccountRef>>> proven_account(Question& question, SaslStep done);
  Task<Result<void>> name_login(Question& question, std::string login);
  Task<AuthAnswer> succeed(Question& question, SaslStep done);
  AuthAnswer fail(Question& question, std::string login, std::string reason);
  void renew(const AccountRef& account, Secret password);
  Task<> store_anew(AccountRef account, Secret password);
  bool is_blocked(const Question& question) const {
    return throttle_.is_blocked(question.client, question.login);
  }
  std::unique_ptr<ServerExchange> begin(const AuthStep& step) const;
  std::unique_ptr<ServerExchange> resume(Question& question);

  void remember();
  Task<> sweep();
  Task<> save_now_and_then();
  Task<> finish_when_answered();

  Child& child_;
  Loop& loop_;
  std::shared_ptr<const Config> config_;
  std::string server_secret_;
  LoginThrottle throttle_;
  AuthQueue queue_;
  AuthPeers peers_;
  Authenticator authenticator_;
  BlockedUsers blocked_users_;
  AuthExchanges exchanges_;
  RepeatedPasswords repeated_;
  AppPasswordUses app_uses_;
  AgingMap<std::string, std::int64_t> renewed_{renewed_max};  // when, in seconds since 1970
  bool is_renewing_ = false;
  Remembered<bool> scram_serves_all_;
  std::size_t answers_ = 0;
  Event answered_;
  std::uint64_t saved_changes_ = 0;
};

AuthServer::AuthServer(Child& child, std::string server_secret, Authenticator authenticator,
                       BlockedUsers blocked_users)
    : child_(child),
      loop_(child.loop()),
      config_(child.config()),
      server_secret_(std::move(server_secret)),
      throttle_(Clock::system(), throttle_settings(*config_)),
      queue_(loop_, Clock::system(), throttle_, queue_limits(*config_)),
      peers_(loop_, throttle_, auth_socket_directory(*config_)),
      authenticator_(std::move(authenticator)),
      blocked_users_(std::move(blocked_users)),
      scram_serves_all_(loop_, scram_lifetime, false),
      answered_(loop_) {
  for (const char* kind : {"login", "receive"}) serve(child_.services(kind));
  child_.on_peer_gone([this](ProcessNumber process) { exchanges_.forget_all_of(process); });
}

void AuthServer::serve(Services& services) {
  services.on<AuthStep>([this](AuthStep step, std::vector<Descriptor>, ProcessNumber from) {
    step.process = from.value();
    return answer(std::move(step));
  });
  services.on<AuthAbort>([this](AuthAbort abort, std::vector<Descriptor>, ProcessNumber from) {
    return forget(std::move(abort), from);
  });
  services.on<AskScram>([this](AskScram, std::vector<Descriptor>) { return tell_scram(); });
}

void AuthServer::run() {
  auto entries = load_throttle(throttle_directory(*config_));
  if (!entries) log_warning("auth", entries.error().text() + "; begun anew");
  if (entries) {
    for (const auto& entry : *entries) throttle_.merge(entry);
  }
  auto opened = peers_.open();
  if (!opened) {
    log_warning("auth", opened.error().text() + "; this daemon counts wrong passwords alone");
  }
  child_.tasks().start(sweep());
  child_.tasks().start(save_now_and_then());
  child_.on_drain([this] { child_.tasks().start(finish_when_answered()); });
  child_.run();
}

// Life

Task<> AuthServer::finish_when_answered() {
  while (answers_ > 0) co_await answered_.wait();
  peers_.close();
  remember();
  child_.finish();
}

void AuthServer::remember() {
  if (!app_uses_.empty()) {
    auto kept = save_app_password_uses(throttle_directory(*config_), app_uses_.take());
    if (!kept) log_warning("auth", kept.error().text());
  }
  if (peers_.changes() == saved_changes_) return;
  auto saved = save_throttle(throttle_directory(*config_), throttle_.entries());
  if (!saved) log_warning("auth", saved.error().text());
}

Task<> AuthServer::save_now_and_then() {
  for (;;) {
    co_await loop_.sleep(save_interval);
    auto uses = app_uses_.take();
    if (!uses.empty()) {
      auto to = throttle_directory(*config_);
      auto kept = co_await loop_.offload([&] { return save_app_password_uses(to, uses); });
      if (!kept) log_warning("auth", kept.error().text());
    }
    if (peers_.changes() == saved_changes_) continue;
    saved_changes_ = peers_.changes();
    auto entries = throttle_.entries();
    auto directory = throttle_directory(*config_);
    auto saved = co_await loop_.offload([&] { return save_throttle(directory, entries); });
    if (!saved) log_warning("auth", saved.error().text());
  }
}

/// Exchanges of clients that have no time left.
Task<> AuthServer::sweep() {
  for (;;) {
    co_await loop_.sleep(sweep_interval);
    exchanges_.forget_old(loop_.now() - config_->auth_timeout);
  }
}

// Exchanges

Task<Result<Done>> AuthServer::forget(AuthAbort abort, ProcessNumber from) {
  AuthExchanges::Key key(from, abort.exchange);
  exchanges_.forget(key);
  queue_.drop(text_of(key));
  co_return Done();
}

Task<Result<AskScram::Answer>> AuthServer::tell_scram() {
  auto work = scram_serves_all_.value([this] { return look_for_scram(); });
  AskScram::Answer answer;
  answer.serves_all = co_await std::move(work);
  co_return answer;
}

Task<std::optional<bool>> AuthServer::look_for_scram() {
  bool serves_all = co_await loop_.offload([this] { return authenticator_.scram_serves_all(); });
  co_return serves_all;
}

std::unique_ptr<ServerExchange> AuthServer::begin(const AuthStep& step) const {
  ServerExchange::Environment environment;
  environment.channel_binding = step.channel_binding;
  environment.server_secret = server_secret_;
  if (believes_certificates(*config_, step.service)) {
    environment.external_identity = step.external_identity;
  }
  return ServerExchange::make(step.mechanism, std::move(environment));
}

std::unique_ptr<ServerExchange> AuthServer::resume(Question& question) {
  auto exchange = exchanges_.take(question.key);
  if (!exchange) return nullptr;
  question.login = std::move(exchange->login);
  question.stored_key = std::move(exchange->stored_key);
  return std::move(exchange->sasl);
}

// Answers

Task<Result<AuthAnswer>> AuthServer::answer(AuthStep step) {
  struct Counted {
    explicit Counted(AuthServer& server) : server_(server) { ++server_.answers_; }
    ~Counted() {
      --server_.answers_;
      server_.answered_.notify_all();
    }
    AuthServer& server_;
  };
  if (answers_ >= answers_max) co_return Error::temporary("4.3.2", "too many logins");
  Counted counted(*this);
  Question question;
  question.since = loop_.now();
  question.key = {ProcessNumber(step.process), step.exchange};
  question.first_delay = std::min(Duration(step.failure_delay_ms), delay_longest);
  question.longest_delay = std::min(Duration(step.failure_delay_max_ms), delay_longest);
  question.raster = std::min(question.first_delay, question.longest_delay);
  question.step = std::move(step);
  auto deciding = decide(question);
  auto decided = co_await std::move(deciding);
  question.attempt.reset();
  if (decided.kind == AuthAnswer::Kind::Success) co_return decided;
  auto now = std::chrono::steady_clock::now();
  auto due = on_raster(question.since, question.raster, now);
  co_await loop_.sleep(std::chrono::ceil<Duration>(due - now));
  co_return decided;
}

Task<AuthAnswer> AuthServer::decide(Question& question) {
  AuthStep& step = question.step;
  auto client = IpAddress::parse(step.client_address);
  if (!client) co_return temporary(client.error().text());
  question.client = *client;
  std::optional<std::string> response;
  if (step.has_response) response = std::move(step.response);
  if (step.is_first && exchanges_.is_full()) co_return temporary("too many logins");
  auto sasl = step.is_first ? begin(step) : resume(question);
  if (sasl == nullptr && step.is_first) {
    co_return fail(question, "", "unknown mechanism " + printable(step.mechanism, 40));
  }
  if (sasl == nullptr) co_return temporary("the exchange is over; it must begin anew");
  auto next = step.is_first ? sasl->start(response) : sasl->respond(response.value_or(""));
  std::string attempted = next.login;
  bool asks_keys = next.kind == SaslStep::Kind::NeedKeys;
  auto settling = settle(question, *sasl, std::move(next));
  auto settled = co_await std::move(settling);
  if (!settled) co_return temporary(settled.error().text());
  if (settled->kind == SaslStep::Kind::Success) {
    auto succeeding = succeed(question, *std::move(settled));
    co_return co_await std::move(succeeding);
  }
  if (settled->kind == SaslStep::Kind::Failure) {
    co_return fail(question, std::move(attempted), std::move(settled->text));
  }
  AuthExchanges::Exchange open;
  open.sasl = std::move(sasl);
  open.login = question.login;
  open.stored_key = std::move(question.stored_key);
  exchanges_.keep(question.key, std::move(open), loop_.now());
  question.raster = asks_keys ? challenge_raster : Duration::zero();
  AuthAnswer more;
  more.kind = AuthAnswer::Kind::Continue;
  more.challenge = std::move(settled->text);
  co_return more;
}

Task<Result<SaslStep>> AuthServer::settle(Question& question, ServerExchange& sasl, SaslStep step) {
  bool wants_password = step.kind == SaslStep::Kind::NeedPassword;
  if (!wants_password && step.kind != SaslStep::Kind::NeedKeys) co_return step;
  auto naming = name_login(question, step.login);
  CO_TRY_DO(co_await std::move(naming));
  bool is_refused = is_blocked(question);
  // A blocked client gets its SCRAM challenge as ever; it costs no hash, and succeed() refuses.
  if (!is_refused) {
    auto waiting = wait_for_turn(question);
    CO_TRY_DO(co_await std::move(waiting));
    is_refused = is_blocked(question);
  }
  if (!wants_password) {
    auto keys = co_await loop_.offload([&] { return authenticator_.scram_keys(step.login); });
    if (!keys && keys.error().is_temporary()) co_return Error(std::move(keys).error());
    if (!keys) log_warning("auth", keys.error().text());
    if (keys && *keys) question.stored_key = (*keys)->stored_key;
    co_return sasl.keys_found(keys ? *keys : std::nullopt);
  }
  bool fits = false;
  if (!is_refused) {
    PasswordUse use;
    use.service = question.step.service;
    use.client_address = question.step.client_address;
    auto match = co_await loop_.offload(
        [&] { return authenticator_.match(step.login, step.password, use); });
    if (!match && match.error().is_temporary()) co_return Error(std::move(match).error());
    // What is wrong with this one entry is the administrator's business, and no stranger's.
    if (!match) log_warning("auth", match.error().text());
    fits = match && match->has_value();
    if (fits) {
      question.app_name = (**match).app_name;
      if (question.app_name.empty()) question.password = step.password;
      question.account = std::move((**match).account);
    } else {
      question.is_repeated = repeated_.note(question.client, question.login, step.password);
    }
  }
  co_return sasl.password_checked(fits);
}

/// Own users lie in mapped files, as cheap to ask as a thread is to wake; the host's own user
/// database may be a network's.
Task<Result<std::optional<AccountRef>>> AuthServer::account_of(std::string login) {
  if (!config_->system_users) co_return tell_of_account(login, authenticator_.account(login));
  auto account = co_await loop_.offload([&] { return authenticator_.account(login); });
  co_return tell_of_account(login, std::move(account));
}

/// Whose login this is. A SCRAM exchange lasts as long as its client likes, and what it was checked
/// against may be void by now.
Task<Result<std::optional<AccountRef>>> AuthServer::proven_account(Question& question,
                                                                   SaslStep done) {
  if (question.account) co_return std::move(question.account);
  if (done.is_external) {
    auto looking = account_of(std::move(done.login));
    co_return co_await std::move(looking);
  }
  auto account = co_await loop_.offload(
      [&] { return authenticator_.account_with_key(done.login, question.stored_key); });
  co_return account;
}

Task<Result<void>> AuthServer::name_login(Question& question, std::string login) {
  auto looking = account_of(login);
  auto account = co_await std::move(looking);
  if (!account) co_return Error(std::move(account).error());
  question.login = *account ? (*account)->name : folded_address(login);
  bool is_bare = question.login.find('@') == std::string::npos;
  if (!*account && is_bare) question.login += folded_address("@" + config_->auth_realm);
  co_return Result<void>();
}

Task<Result<void>> AuthServer::wait_for_turn(Question& question) {
  AuthQueue::Client client;
  client.key = text_of(question.key);
  client.address = question.client;
  client.login = question.login;
  client.first_delay = question.first_delay;
  client.longest_delay = question.longest_delay;
  question.attempt.emplace(queue_, std::move(client));
  auto waiting = question.attempt->turn(config_->auth_timeout);
  auto verdict = co_await std::move(waiting);
  if (verdict == AuthQueue::Verdict::Gone) co_return Error::temporary("the client has gone");
  if (verdict == AuthQueue::Verdict::Busy) {
    co_return Error::temporary("too many passwords wait to be checked");
  }
  co_return Result<void>();
}

Task<AuthAnswer> AuthServer::succeed(Question& question, SaslStep done) {
  auto looking = proven_account(question, done);
  auto account = co_await std::move(looking);
  if (!account) co_return temporary(account.error().text());
  if (!*account) co_return fail(question, done.login, "no such account, or no such password now");
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Success;
  answer.challenge = std::move(done.text);
  answer.login = question.login = (*account)->name;
  auto refused = login_refusal(blocked_users_, **account, question.client.text());
  if (!refused) co_return temporary(refused.error().text());
  if (!refused->empty()) {
    // The client is told what a wrong password is told, but the throttle counts no guess.
    AuthAnswer told;
    told.kind = AuthAnswer::Kind::Failure;
    told.login = answer.login;
    told.reason = *std::move(refused);
    log_warning("auth", answer.login + " may not log in from " + question.client.text() + ": " +
                            told.reason);
    co_return told;
  }
  // An exchange that began before the block is told what a wrong password is told.
  if (is_blocked(question)) co_return fail(question, answer.login, "");
  if (question.password) renew(**account, *std::move(question.password));
  if (!question.app_name.empty()) {
    AppPasswordUse use;
    use.when = Clock::system().now_seconds();
    use.service = question.step.service;
    use.client = question.client.text();
    app_uses_.note(answer.login, question.app_name, std::move(use));
  }
  if (question.step.service != "smtp") {
    Verified verified;
    verified.token = answer.token = random_text(token_characters);
    verified.process = ProcessNumber(question.step.process);
    verified.login = answer.login;
    verified.account = **std::move(account);
    auto work = child_.port("master").call(std::move(verified));
    auto known = co_await std::move(work);
    if (!known) co_return temporary(known.error().text());
  }
  if (question.attempt) question.attempt->succeed();
  AuthEvent event;
  event.is_success = true;
  event.client = question.client;
  event.login = answer.login;
  event.when = Clock::system().now().count();
  peers_.note(std::move(event));
  co_return answer;
}

/// Has a password stored as argon2id if it is in another form. One at a time: others follow at
/// their next login.
void AuthServer::renew(const AccountRef& account, Secret password) {
  if (!config_->auth_rehash_passwords || account.is_system || is_renewing_) return;
  auto now = Clock::system().now_seconds();
  auto& last = renewed_.touch(account.name);
  if (now - last < renew_pause_seconds && now >= last) return;
  last = now;
  is_renewing_ = true;
  child_.tasks().start(store_anew(account, std::move(password)));
}

Task<> AuthServer::store_anew(AccountRef account, Secret password) {
  auto scheme = co_await loop_.offload([&] { return authenticator_.outdated_scheme(account); });
  if (!scheme) log_warning("auth", account.name + ": not stored anew: " + scheme.error().text());
  if (scheme && *scheme) {
    RenewPassword ask;
    ask.name = account.name;
    ask.password = password.reveal();
    auto asking = child_.port("master").call(std::move(ask));
    auto asked = co_await std::move(asking);
    if (!asked) {
      log_warning("auth", "the password of " + account.name +
                              " is not stored anew: " + asked.error().text());
    }
  }
  is_renewing_ = false;
}

AuthAnswer AuthServer::fail(Question& question, std::string login, std::string reason) {
  question.raster = throttle_.answer_delay(question.first_delay, question.longest_delay,
                                           question.client, question.login);
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Failure;
  answer.login = std::move(login);
  answer.reason = std::move(reason);
  if (is_blocked(question)) {
    answer.reason = "blocked after too many wrong passwords";
    return answer;
  }
  AuthEvent event;
  event.client = question.client;
  // What is only repeated counts for the address, which pays for the check, but blocks no pair.
  if (!question.is_repeated) event.login = question.login;
  event.when = Clock::system().now().count();
  if (peers_.note(std::move(event))) {
    log_warning("auth", question.client.text() + ": no more passwords for " + question.login +
                            " are checked for " +
                            std::to_string(config_->auth_failures_window.count()) +
                            " seconds, after too many wrong ones (see pennypost throttle)");
  }
  return answer;
}

}  // namespace

void run_auth(Child& child) {
  prepare_crypto();
  // Look-ups don't wait behind hashes.
  auto threads = child.config()->auth_worker_threads + lookup_threads;
  Loop::set_offload_threads(static_cast<unsigned>(threads));
  std::string server_secret = random_bytes(32);
  auto system = system_users_of(*child.config());
  auto options = map_options(*child.config(), "auth");
  auto authenticator =
      Authenticator::open(child.config(), std::move(system), server_secret, options);
  if (!authenticator) return child.refuse(authenticator.error());
  auto blocked_users = BlockedUsers::open(*child.config(), options);
  if (!blocked_users) return child.refuse(blocked_users.error());
  for (auto& problem : auth_table_problems(*child.config())) {
    log_warning("auth", problem);
    child.note_problem(std::move(problem));
  }
  AuthServer server(child, std::move(server_secret), *std::move(authenticator),
                    *std::move(blocked_users));
  server.run();
}

}  // namespace pennypost::store
