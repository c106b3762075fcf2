#include "smtpd/commands/auth_check.h"

#include <optional>
#include <ostream>
#include <vector>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/net/address.h"
#include "smtpd/commands/ask_password.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/usage_mail.h"
#include "store/accounts/authenticator.h"
#include "store/accounts/blocked_users.h"
#include "store/accounts/login_refusal.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t server_secret_bytes = 32;

struct Call {
  LoadOptions load;
  std::string client;
  std::string user;
  std::optional<std::string> password;
};

/// Nothing: wrong arguments.
std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool has_value = i + 1 < args.size();
    if (args[i] == "-c" && has_value) {
      call.load.directory = args[++i];
    } else if (args[i] == "-o" && has_value) {
      call.load.overrides.push_back(args[++i]);
    } else if (args[i] == "--client" && has_value) {
      auto address = IpAddress::parse(args[++i]);
      if (!address) return {};
      call.client = address->text();
    } else if (args[i].starts_with('-') && words.size() < 2) {
      return {};
    } else {
      words.push_back(args[i]);
    }
  }
  if (words.size() < 2 || words.size() > 3 || words.front() != "test") return {};
  call.user = words[1];
  if (words.size() == 3) call.password = words[2];
  return call;
}

struct Outcome {
  std::optional<store::AccountRef> account;  // nothing: refused
  std::string reason;
};

Result<Outcome> check(const std::shared_ptr<const Config>& config, const Call& call,
                      const Secret& password) {
  TRY(auto authenticator, store::Authenticator::open(config, store::system_users_of(*config),
                                                     random_bytes(server_secret_bytes)));
  Outcome outcome;
  TRY(auto known, authenticator.account(call.user));
  if (!known) {
    outcome.reason = "there is no such user";
    return outcome;
  }
  TRY(outcome.account, authenticator.verify(call.user, password, call.client));
  if (!outcome.account) {
    outcome.reason = "the password is wrong, or the system's user may not log in";
    return outcome;
  }
  TRY(auto blocked, store::BlockedUsers::open(*config, store::map_options(*config, "auth")));
  // Without --client it is this host that seems to log in.
  TRY(outcome.reason, store::login_refusal(blocked, *outcome.account,
                                           call.client.empty() ? "127.0.0.1" : call.client));
  if (!outcome.reason.empty()) outcome.account.reset();
  return outcome;
}

}  // namespace

int auth_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::auth << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  auto password =
      call->password ? Result<Secret>(Secret(*call->password)) : ask_password(call->user, err);
  auto outcome = password ? check(config, *call, *password) : Result<Outcome>(password.error());
  if (!outcome) {
    err << "pennypost auth: " << outcome.error().text() << "\n";
    return outcome.error().is_temporary() ? ex_tempfail : ex_failed;
  }
  const std::string user = printable(call->user, 200);
  if (!outcome->account) {
    out << "passdb: " << user << " auth failed\n";
    err << "pennypost auth: " << user << ": " << outcome->reason << "\n";
    return ex_noperm;
  }
  const auto& account = *outcome->account;
  out << "passdb: " << user << " auth succeeded\nextra fields:\n  user=" << account.name
      << "\n  uid=" << account.uid << "\n  gid=" << account.gid << "\n  home=" << account.home
      << "\n  mail=" << account.mail_location << "\n";
  return 0;
}

}  // namespace pennypost::smtp
