#include "imapd/session/login_context.h"

namespace pennypost::imap {
namespace {

constexpr std::uint64_t bad_commands_max = 10;

}  // namespace

LoginContext::LoginContext(Connection& connection, std::shared_ptr<const Config> config,
                           store::LoginClient client, store::AuthPort& auth)
    : store::LoginSession("imap", connection, std::move(config), std::move(client), auth),
      Conversation(connection, store::LoginSession::settings(), login_limits, bad_commands_max) {}

std::optional<std::string> LoginContext::login_capabilities() const {
  std::string out;
  if (can_start_tls()) out += " STARTTLS";
  if (!allows_plaintext()) out += " LOGINDISABLED";
  for (const auto& name : offer().mechanisms) out += " AUTH=" + name;
  return out;
}

}  // namespace pennypost::imap
