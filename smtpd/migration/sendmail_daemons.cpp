// Sendmail's DAEMON_OPTIONS as addresses and ports.
#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"
#include "common/net/address.h"
#include "smtpd/migration/sendmail_parts.h"

namespace pennypost::smtp {
namespace {

/// `Port=submission, Addr=127.0.0.1, Name=MSA, M=Ea`
struct Daemon {
  std::string port = "smtp";
  std::string address;  // empty: all
  std::string modifiers;
};

Daemon parsed(std::string_view options) {
  Daemon daemon;
  for (auto option : split(options, ',')) {
    option = trim(option);
    auto equals = option.find('=');
    if (equals == option.npos) continue;
    auto name = lower(trim(option.substr(0, equals)));
    auto value = trim(option.substr(equals + 1));
    if (name == "port" || name == "p") daemon.port = lower(value);
    if (name == "addr" || name == "address" || name == "a") daemon.address = value;
    if (name == "modifiers" || name == "modifier" || name == "m") daemon.modifiers = value;
  }
  return daemon;
}

class Daemons {
 public:
  explicit Daemons(const SendmailSite& site) : site_(site), made_(site.migration()) {}

  void run() {
    for (const McCall& call : site_.calls()) {
      if (call.name == "DAEMON_OPTIONS") add(call);
    }
    if (is_everywhere_ || !has_any_) {
      made_.set("inet_interfaces", "all");
    } else {
      bool is_loopback = std::ranges::all_of(addresses_, [](const auto& text) {
        auto address = IpAddress::parse(text);
        return address && address->is_loopback();
      });
      std::string list;
      for (const auto& address : addresses_) list += (list.empty() ? "" : ", ") + address;
      made_.set("inet_interfaces", is_loopback ? "loopback-only" : list);
    }
    bool has_default_msa = !site_.has("no_default_msa") && !has_msa_;
    if (has_default_msa) {
      made_.lacks(
          {SendmailSite::mc_name, 0}, "",
          "Sendmail also listens on port 587, since FEATURE(`no_default_msa') is not there; "
          "here users must log in on that port: give a certificate, and set submission_port "
          "= 587");
    }
  }

 private:
  void add(const McCall& call) {
    auto daemon = parsed(call.argument(0));
    auto place = site_.at(call);
    has_any_ = true;
    if (starts_with_nocase(daemon.address, "IPv6:")) daemon.address.erase(0, 5);
    if (daemon.address.empty() || daemon.address == "0.0.0.0" || daemon.address == "::") {
      is_everywhere_ = true;
    } else if (std::ranges::find(addresses_, daemon.address) == addresses_.end()) {
      addresses_.push_back(daemon.address);
    }
    bool wants_login = daemon.modifiers.find('a') != daemon.modifiers.npos;
    if (daemon.port == "smtp" || daemon.port == "25") {
      if (wants_login) made_.set("service.smtp.smtpd_sasl_auth_required", "yes", place);
    } else if (daemon.port == "submission" || daemon.port == "587") {
      has_msa_ = true;
      made_.set("submission_port", "587", place);
    } else if (daemon.port == "smtps" || daemon.port == "submissions" || daemon.port == "465") {
      made_.set("submissions_port", "465", place);
    } else {
      made_.lacks(place, call.text,
                  "a further port: SMTP is on smtp_port, submission_port and "
                  "submissions_port");
    }
  }

  const SendmailSite& site_;
  Migration& made_;
  bool has_any_ = false;
  bool is_everywhere_ = false;
  bool has_msa_ = false;
  std::vector<std::string> addresses_;
};

}  // namespace

void read_sendmail_daemons(const SendmailSite& site) {
  bool is_null_client = site.has("nullclient");
  if (site.has_mc() && !is_null_client) Daemons(site).run();
}

}  // namespace pennypost::smtp
