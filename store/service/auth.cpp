#include "store/service/auth.h"

namespace pennypost::store {

Task<Result<AuthAnswer>> RemoteAuth::step(AuthStep step) {
  auto work = port_.call(std::move(step));
  co_return co_await std::move(work);
}

void RemoteAuth::abort(std::uint64_t exchange) {
  AuthAbort abort;
  abort.exchange = exchange;
  port_.post(abort);
}

AuthStep plain_step(const std::string& login, const std::string& password) {
  AuthStep step;
  step.mechanism = "PLAIN";
  step.has_response = true;
  step.response = std::string(1, '\0') + login + '\0' + password;
  return step;
}

}  // namespace pennypost::store
