#include "smtpd/commands/reports.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/mailbox_search.h"
#include "smtpd/commands/offline_lookup.h"
#include "smtpd/commands/since.h"
#include "smtpd/commands/usage.h"
#include "smtpd/reports/digest.h"
#include "smtpd/routing/expansion.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr const char* since_usual = "30d";
constexpr int steps_max = 1000;  // from report_recipient through aliases

struct Call {
  LoadOptions load;
  std::vector<std::string> from;
  std::int64_t since = *time_before_now(since_usual);
  bool is_json = false;
  std::string domain;
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool takes_value = arg == "-c" || arg == "--from" || arg == "--since";
    if (takes_value && i + 1 == args.size()) return {};
    if (arg == "-c") {
      call.load.directory = args[++i];
    } else if (arg == "--from") {
      call.from.push_back(args[++i]);
    } else if (arg == "--since") {
      auto since = time_before_now(args[++i]);
      if (!since) return {};
      call.since = *since;
    } else if (arg == "--json") {
      call.is_json = true;
    } else if (arg.starts_with('-') || !call.domain.empty()) {
      return {};
    } else {
      call.domain = arg;
    }
  }
  return call;
}

/// Follows an address through aliases to the accounts of this host that get its mail.
class AccountSearch {
 public:
  explicit AccountSearch(OfflineLookup& lookup) : lookup_(lookup) {}

  Result<std::set<std::string>> accounts_of(const std::string& address) {
    Recipient first;
    first.address = first.original = address;
    TRY_DO(follow(first));
    return std::move(accounts_);
  }

 private:
  Result<void> follow(const Recipient& recipient) {
    bool is_new = known_.insert(recipient.address + (recipient.is_self ? "*" : "")).second;
    if (!is_new || ++steps_ > steps_max) return {};
    TRY(auto resolution, lookup_.resolve(recipient, ""));
    if (!resolution.is_expansion) {
      const auto& route = resolution.route;
      if (route.transport == Transport::Local) accounts_.insert(route.account.name);
      return {};
    }
    for (auto& child : resolution.children) {
      child.is_self = child.is_self || child.address == recipient.address;
      if (child.kind != RecipientKind::Address) continue;
      TRY_DO(follow(child));
    }
    return {};
  }

  OfflineLookup& lookup_;
  std::set<std::string> accounts_;
  std::set<std::string> known_;
  int steps_ = 0;
};

class ReportsCommand {
 public:
  ReportsCommand(Call call, std::shared_ptr<const Config> config, std::ostream& out,
                 std::ostream& err)
      : call_(std::move(call)), config_(std::move(config)), out_(out), err_(err) {}

  int run() {
    auto collected = collect();
    if (!collected) {
      err_ << "pennypost reports: " << collected.error().text() << "\n";
      return ex_tempfail;
    }
    auto found = digests(reports_, call_.domain, call_.since);
    bool is_first = true;
    for (const auto& one : found) {
      if (!call_.is_json && !is_first) out_ << "\n";
      out_ << (call_.is_json ? one.json() + "\n" : one.text());
      is_first = false;
    }
    if (!found.empty()) return 0;
    err_ << "pennypost reports: no reports in " << join(places_, ", ")
         << "; an earlier --since looks at older ones\n";
    return ex_failed;
  }

 private:
  Result<void> collect() {
    std::vector<std::string> from = call_.from;
    if (from.empty()) {
      TRY(from, accounts_of_recipient());
    }
    for (const auto& one : from) {
      if (one.find('/') != one.npos) {
        TRY_DO(read_path(one));
        continue;
      }
      auto location = mailbox_of(config_, one);
      if (!location) return Error::temporary("there is no user " + printable(one, 300));
      TRY_DO(read(*location));
    }
    return {};
  }

  Result<std::vector<std::string>> accounts_of_recipient() {
    TRY(auto address, complete_address(config_->report_recipient, *config_));
    TRY(auto lookup, OfflineLookup::open(config_));
    TRY(auto accounts, AccountSearch(*lookup).accounts_of(address));
    if (accounts.empty()) {
      return Error::temporary("report_recipient = " + config_->report_recipient + ": mail to " +
                              address + " goes to no mailbox of this host; write --from USER");
    }
    return std::vector<std::string>(accounts.begin(), accounts.end());
  }

  Result<void> read(const store::MailLocation& location) {
    places_.push_back(location.inbox);
    MessageReading reading;
    reading.wants = &ReceivedReports::may_have_one;
    reading.use = [this](const std::string& path, std::string_view message) {
      tell(path, reports_.take_message(message));
    };
    return read_mailbox(location, call_.since, reading);
  }

  /// A Maildir, or a file that is a report, a message or an mbox.
  Result<void> read_path(const std::string& path) {
    std::error_code problem;
    if (fs::is_directory(path, problem)) {
      store::MailLocation location;
      location.root = location.inbox = path;
      return read(location);
    }
    TRY(auto text, read_file(path, read_message_bytes_max));
    if (!text) return Error::temporary(path + ": no such file");
    if (text->starts_with("From ")) {
      store::MailLocation location;
      location.format = store::MailLocation::Format::Mbox;
      location.inbox = path;
      return read(location);
    }
    places_.push_back(path);
    tell(path, looks_like_report(*text) ? reports_.take_file(*text) : reports_.take_message(*text));
    return {};
  }

  /// A report that can't be read does not keep the others from being shown.
  void tell(const std::string& path, const Result<void>& taken) {
    if (!taken) err_ << "pennypost reports: " << path << ": " << taken.error().text() << "\n";
  }

  const Call call_;
  const std::shared_ptr<const Config> config_;
  std::ostream& out_;
  std::ostream& err_;
  ReceivedReports reports_;
  std::vector<std::string> places_;  // where reports were looked for
};

}  // namespace

int reports(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::reports << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  return ReportsCommand(*std::move(call), std::move(config), out, err).run();
}

}  // namespace pennypost::smtp
