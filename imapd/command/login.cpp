// LOGIN, AUTHENTICATE and STARTTLS, the commands before login, and UNAUTHENTICATE, the way back.
//
// STANDARDS  RFC 9051 section 6.2, RFC 4959 (SASL-IR), RFC 5530 (response codes), RFC 8437
//            (UNAUTHENTICATE)
#include "common/sasl/server.h"
#include "imapd/command/capability.h"
#include "imapd/command/handlers.h"
#include "imapd/session/context.h"
#include "imapd/session/login_context.h"

namespace pennypost::imap {
namespace {

using Outcome = LoginContext::Outcome;

Reply privacy_required() {
  // RFC 5530 section 3.
  return Reply::no("PRIVACYREQUIRED",
                   "Plaintext authentication is disallowed without TLS; use STARTTLS.");
}

Task<Reply> log_in(LoginContext& context, store::AuthStep step) {
  auto work = context.exchange(std::move(step));
  auto outcome = co_await std::move(work);
  switch (outcome) {
    case Outcome::Success:
      break;
    case Outcome::Refused:
      if (context.is_exhausted()) context.abandon("Too many failed logins.");
      co_return Reply::no("AUTHENTICATIONFAILED", "Authentication failed.");
    case Outcome::Unavailable:
      co_return Reply::no(ResponseCode::Unavailable,
                          "Authentication is not possible now; try again later.");
    case Outcome::Cancelled:
      co_return Reply::bad("Authentication aborted by client.");
    case Outcome::NotBase64:
      co_return Reply::bad("Invalid base64 in the response.");
    case Outcome::UnexpectedData:
      co_return Reply::bad("Expected an empty response.");
  }
  co_return Reply::ok("");
}

}  // namespace

Task<Reply> login(LoginContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_login(command.arguments, context.limits()));
  if (!context.allows_plaintext()) co_return privacy_required();
  auto step = store::plain_step(request.user, std::string(request.password.reveal()));
  auto work = log_in(context, std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> authenticate(LoginContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_authenticate(command.arguments, context.limits()));
  if (!context.offer().holds(request.mechanism)) {
    if (ServerExchange::is_plaintext(request.mechanism) && !context.allows_plaintext()) {
      co_return privacy_required();
    }
    co_return Reply::no(ResponseCode::Cannot, "Unsupported authentication mechanism.");
  }
  store::AuthStep step;
  step.mechanism = request.mechanism;
  if (request.initial_response) {
    step.has_response = true;
    step.response = request.initial_response->reveal();
  }
  auto work = log_in(context, std::move(step));
  co_return co_await std::move(work);
}

Task<Reply> starttls(LoginContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  if (context.is_encrypted()) co_return Reply::bad("TLS is already active.");
  if (!context.can_start_tls()) co_return Reply::bad("TLS is not available.");
  auto yes = Reply::ok("Begin TLS negotiation now.");
  context.put(yes.line(command.tag));
  co_await context.start_tls(context.settings().imap_login_timeout);
  co_return Reply::ok("");
}

// RFC 8437 section 3: NO is no answer to it, since the client may have sent its next login behind.
Task<Reply> unauthenticate(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  if (!is_announced(context, "UNAUTHENTICATE")) co_return Reply::bad("Not offered to this user.");
  context.log_out();
  co_return Reply::ok("You are logged out, and may log in again.");
}

}  // namespace pennypost::imap
