#include "store/login/auth.h"

#include <poll.h>

#include <algorithm>

#include "common/tls/tls_stream.h"

namespace pennypost::store {
namespace {

// A client that is still there is checked less and less often.
constexpr Duration look_interval_first{20};
constexpr Duration look_interval_longest{250};
// Extra time for an answer beyond auth's own limits, for the way there and back.
constexpr Duration port_time{5000};
// How long auth's answer about SCRAM is valid, and how long a greeting waits for it.
constexpr Duration offer_lifetime{1000};
constexpr Duration offer_time{1000};

/// Whether the peer of a socket, perhaps below TLS, has closed its side. False for the in-memory
/// streams of tests.
bool has_hung_up(Stream& stream) {
  auto* tls = dynamic_cast<TlsStream*>(&stream);
  auto* socket = dynamic_cast<Socket*>(tls == nullptr ? &stream : &tls->below());
  if (socket == nullptr) return false;
  pollfd state{socket->descriptor(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

std::uint32_t milliseconds_of(Duration duration) {
  return static_cast<std::uint32_t>(duration.count());
}

}  // namespace

Task<Result<AuthAnswer>> RemoteAuth::step(AuthStep step) {
  auto work = port_.call(std::move(step));
  co_return co_await std::move(work);
}

RemoteAuth::RemoteAuth(Loop& loop, Port& port)
    : loop_(loop), port_(port), scram_serves_all_(loop, offer_lifetime, false) {}

Task<bool> RemoteAuth::scram_serves_all() {
  auto work = scram_serves_all_.value([this] { return ask_scram(); });
  co_return co_await std::move(work);
}

Task<std::optional<bool>> RemoteAuth::ask_scram() {
  auto asking = port_.call(AskScram());
  auto answer = co_await within(loop_, offer_time, std::move(asking));
  if (!answer || !*answer) co_return std::nullopt;
  co_return (*answer)->serves_all;
}

void RemoteAuth::abort(std::uint64_t exchange) {
  AuthAbort abort;
  abort.exchange = exchange;
  port_.post(abort);
}

AuthExchange::AuthExchange(Loop& loop, AuthPort& port, Stream& client, const Settings& settings)
    : loop_(loop),
      port_(port),
      client_(client),
      settings_(settings),
      number_(port.next_exchange()),
      look_(loop, [this] { look_at_client(); }) {}

AuthExchange::~AuthExchange() {
  if (is_open_) port_.abort(number_);
}

/// A client that has closed its side is only removed from the queue: if its password is being
/// checked already it gets its answer, which it may still read.
void AuthExchange::look_at_client() {
  if (has_hung_up(client_)) {
    port_.abort(number_);
  } else {
    look_interval_ = std::min(look_interval_ * 2, look_interval_longest);
    look_.start(look_interval_);
  }
}

Task<AuthAnswer> AuthExchange::step(AuthStep step) {
  step.exchange = number_;
  step.is_first = !std::exchange(is_begun_, true);
  step.failure_delay_ms = milliseconds_of(settings_.auth_failure_delay);
  step.failure_delay_max_ms = milliseconds_of(settings_.auth_failure_delay_max);
  is_open_ = true;
  look_interval_ = look_interval_first;
  look_.start(look_interval_);
  Duration limit = settings_.auth_timeout + settings_.auth_failure_delay_max + port_time;
  auto asking = port_.step(std::move(step));
  auto answered = co_await within(loop_, limit, std::move(asking));
  look_.stop();
  AuthAnswer answer;
  answer.kind = AuthAnswer::Kind::Temporary;
  answer.reason = "no answer from auth";
  if (!answered) co_return answer;
  if (*answered) {
    answer = **std::move(answered);
  } else {
    answer.reason = (*answered).error().text();
  }
  is_open_ = answer.kind == AuthAnswer::Kind::Continue;
  co_return answer;
}

AuthStep plain_step(const std::string& login, const std::string& password) {
  AuthStep step;
  step.mechanism = "PLAIN";
  step.has_response = true;
  step.response = std::string(1, '\0') + login + '\0' + password;
  return step;
}

}  // namespace pennypost::store
