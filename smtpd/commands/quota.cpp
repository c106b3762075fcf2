// `pennypost quota`: what mailboxes hold and may hold.
//
// SYNOPSIS
//   pennypost quota get|recalc [-c DIR] [--json] -u USER | -A
//
// DESCRIPTION
//   get prints a line for storage and one for messages: the user, what is measured, how much there
//   is (storage in KiB, as Dovecot shows it), the limit or -, and how many percent of it that is.
//   recalc counts all messages again first and corrects maildirsize; for a user whose figure is
//   wrong because another program has changed the Maildir. Both work while the daemons run.
//
//   -u  one user: an own user's address or a system user's name
//   -A  all users
//
//   The limits are quota_rule's and those of `pennypost user quota`. Mail in an mbox has none. The
//   exit status is 1 if something could not be read.
#include "smtpd/commands/quota.h"

#include <optional>
#include <ostream>
#include <vector>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "smtpd/backup/mbox_lock.h"
#include "smtpd/backup/places.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/accounts.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t kibi = 1024;

struct Call {
  std::string verb;
  LoadOptions load;
  std::string user;
  bool is_for_all = false;
  bool as_json = false;
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "-c" && has_value) {
      call.load.directory = args[++i];
    } else if (args[i] == "-u" && has_value) {
      call.user = args[++i];
    } else if (args[i] == "-A") {
      call.is_for_all = true;
    } else if (args[i] == "--json") {
      call.as_json = true;
    } else if (call.verb.empty() && !args[i].starts_with('-')) {
      call.verb = args[i];
    } else {
      return {};
    }
  }
  const bool is_known = call.verb == "get" || call.verb == "recalc";
  return is_known && call.is_for_all == call.user.empty() ? std::optional(call) : std::nullopt;
}

Result<std::vector<store::AccountRef>> accounts_of(const std::shared_ptr<const Config>& config,
                                                   const Call& call) {
  if (call.is_for_all) return all_accounts(config);
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
  TRY(auto account, accounts.by_login(call.user));
  if (!account) return Error(550, "there is no user " + printable(call.user, 100));
  std::vector<store::AccountRef> one;
  one.push_back(*std::move(account));
  return one;
}

Result<store::Usage> usage_of(const Config& config, const store::AccountRef& account,
                              bool counts_again) {
  TRY(auto place, mail_place(account));
  TRY(auto acting, ActingAccount::take(config, account));
  auto mail = store::open_store(place.location, store::store_settings(config, account));
  return counts_again ? mail->recount() : mail->usage();
}

std::string line(const std::string& user, const char* kind, std::uint64_t used,
                 std::optional<std::uint64_t> limit, bool as_json) {
  auto percent = limit && *limit > 0 ? std::to_string(used * 100 / *limit) : "0";
  if (!as_json) {
    return user + "\t" + kind + "\t" + std::to_string(used) + "\t" +
           (limit ? std::to_string(*limit) : "-") + "\t" + percent + "\n";
  }
  return "{\"user\": " + json_string(user) + ", \"type\": " + json_string(kind) +
         ", \"value\": " + std::to_string(used) +
         ", \"limit\": " + (limit ? std::to_string(*limit) : "null") + ", \"percent\": " + percent +
         "}";
}

}  // namespace

int quota(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::quota << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  auto accounts = accounts_of(config, *call);
  if (!accounts) {
    err << "pennypost quota: fatal: " << accounts.error().text() << "\n";
    return ex_failed;
  }
  int status = 0;
  std::vector<std::string> lines;
  for (const auto& account : *accounts) {
    auto used = usage_of(*config, account, call->verb == "recalc");
    if (!used) {
      err << "pennypost quota: " << account.name << ": " << used.error().text() << "\n";
      status = ex_failed;
      continue;
    }
    auto limit = used->bytes_max ? std::optional(*used->bytes_max / kibi) : std::nullopt;
    lines.push_back(
        line(account.name, "STORAGE", (used->bytes + kibi - 1) / kibi, limit, call->as_json));
    lines.push_back(
        line(account.name, "MESSAGE", used->messages, used->messages_max, call->as_json));
  }
  if (call->as_json) {
    out << "[" << join(lines, ",\n ") << "]\n";
  } else {
    out << join(lines, "");
  }
  return status;
}

}  // namespace pennypost::smtp
