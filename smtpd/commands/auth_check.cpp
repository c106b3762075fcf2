#include "smtpd/commands/auth_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <string_view>
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

/// For which an app password may be.
constexpr std::array<std::string_view, 4> services{"imap", "pop3", "smtp", "sieve"};

struct Call {
  LoadOptions load;
  std::string client;
  std::string service;  // empty: any
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
    } else if (args[i] == "--service" && has_value) {
      call.service = args[++i];
      if (std::ranges::find(services, call.service) == services.end()) return {};
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
  std::string app_name;
};

/// As for the service, or for the first for which the password is right. A system user's password
/// is not asked about twice, since PAM may count wrong ones.
Result<std::optional<store::PasswordMatch>> match(const store::Authenticator& authenticator,
                                                  const Call& call, const Secret& password,
                                                  bool is_system) {
  std::optional<store::PasswordMatch> found;
  for (auto service : services) {
    if (!call.service.empty() && service != call.service) continue;
    TRY(found, authenticator.match(call.user, password, {std::string(service), call.client}));
    if (found || is_system) break;
  }
  return found;
}

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
  TRY(auto found, match(authenticator, call, password, known->is_system));
  if (!found) {
    outcome.reason = "the password is wrong, or the system's user may not log in";
    return outcome;
  }
  outcome.account = std::move(found->account);
  outcome.app_name = std::move(found->app_name);
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
  if (!outcome->app_name.empty()) out << "  app_password=" << outcome->app_name << "\n";
  return 0;
}

}  // namespace pennypost::smtp
