// Lists the clients and logins whose wrong passwords are remembered, and lifts blocks, in all
// daemons at once.
//
// SYNOPSIS
//   pennypost throttle list [-c DIR] [ADDRESS|LOGIN]
//   pennypost throttle lift [-c DIR] ADDRESS|LOGIN|--all
//
// DESCRIPTION
//   list prints one line for each client address with wrong passwords in auth_failures_window, and
//   one for each pair of address and login, separated by tabs:
//     ADDRESS  LOGIN  FAILURES  STATE  UNTIL
//   LOGIN is * for the address as a whole. STATE is blocked (a pair: every password is refused
//   unchecked), slowed (an address: its passwords are checked with a pause between them) or
//   counted; UNTIL is when the failures are forgotten. An IPv6 address stands for its /64.
//   lift forgets the wrong passwords of an address, of a login (from all addresses; without a
//   domain in all domains), or all of them. It does not forget who has logged in from where.
//   Both ask the auth processes of the running daemons, which answer root and their own user.
//
// SEE ALSO  ../../store/login/auth_peers.h
#include "smtpd/commands/throttle.h"

#include <map>
#include <ostream>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/network_tables.h"
#include "common/mail/idn.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/local_time.h"
#include "smtpd/commands/usage.h"
#include "store/login/auth_peers.h"
#include "store/maps/network_entries.h"

namespace pennypost::smtp {
namespace {

using namespace pennypost::store;  // NOLINT: the auth processes

constexpr std::string_view ipv6_prefix = "/64";

class Throttle {
 public:
  Throttle(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    bool is_list = read(args) && verb_ == "list" && !is_all_;
    bool is_lift = verb_ == "lift" && is_all_ == what_.empty();
    if (is_wrong_ || (!is_list && !is_lift)) {
      err_ << usage::throttle << "\n";
      return ex_usage;
    }
    auto done = work(is_list);
    if (done) return *done;
    err_ << "pennypost throttle: fatal: " << done.error().text() << "\n";
    return 1;
  }

 private:
  bool read(std::span<const std::string> args) {
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (args[i] == "-c" && i + 1 < args.size()) {
        load_.directory = args[++i];
      } else if (args[i] == "--all") {
        is_all_ = true;
      } else if (args[i].starts_with('-') || !what_.empty()) {
        is_wrong_ = true;
      } else {
        (verb_.empty() ? verb_ : what_) = args[i];
      }
    }
    // The form in which list prints it.
    if (what_.ends_with(ipv6_prefix)) what_.resize(what_.size() - ipv6_prefix.size());
    if (what_.size() > notice_text_bytes_max) is_wrong_ = true;
    return !is_wrong_;
  }

  Result<int> work(bool is_list) {
    TRY(auto config, Config::load(load_));
    TRY(config_, with_networks_read(std::move(config), store::networks_of));
    AuthNotice question;
    question.kind = is_list ? AuthNotice::Kind::State : AuthNotice::Kind::Lift;
    question.text = what_;
    if (auto address = IpAddress::parse(what_)) question.text = address->text();
    TRY(auto bodies, ask_auth_processes(auth_socket_directory(*config_), question));
    if (bodies.empty()) return Error::temporary("no auth process answers; do the daemons run?");
    return is_list ? list(bodies) : lift(bodies);
  }

  /// Merges the lists of all processes, which hold the same except for news that some have not
  /// received yet.
  Result<int> list(const std::vector<std::string>& bodies) {
    LoginThrottle::Settings settings;
    settings.per_address_max = config_->auth_failures_per_address_max;
    settings.per_pair_max = config_->auth_failures_per_pair_max;
    settings.window = config_->auth_failures_window;
    settings.exempt = NetworkList(config_->auth_throttle_exempt_networks);
    LoginThrottle merged(Clock::system(), settings);
    for (const auto& body : bodies) {
      TRY(auto entries, parse_state(body));
      for (const auto& entry : entries) merged.merge(entry);
    }
    for (const auto& entry : merged.entries()) {
      if (is_wanted(entry)) print(merged, entry);
    }
    return 0;
  }

  bool is_wanted(const ThrottleEntry& entry) const {
    if (what_.empty() || folded_address(what_) == entry.login) return true;
    auto address = IpAddress::parse(what_);
    return address && address->client_block() == entry.client;
  }

  void print(const LoginThrottle& merged, const ThrottleEntry& entry) {
    bool is_pair = entry.kind == ThrottleEntry::Kind::Pair;
    std::string state = "counted";
    if (is_pair && merged.is_blocked(entry.client, entry.login)) state = "blocked";
    if (!is_pair && merged.is_slowed(entry.client)) state = "slowed";
    auto until = entry.since / 1'000'000 + config_->auth_failures_window.count();
    out_ << entry.client.text() << (entry.client.is_v6() ? ipv6_prefix : "") << '\t'
         << (is_pair ? printable(entry.login, LoginThrottle::login_bytes_max) : "*") << '\t'
         << entry.count << '\t' << state << '\t' << local_time(until) << '\n';
  }

  Result<int> lift(const std::vector<std::string>& bodies) {
    std::uint64_t most = 0;
    for (const auto& body : bodies) most = std::max(most, parse_number(body).value_or(0));
    if (most == 0) {
      err_ << "pennypost throttle: no wrong passwords are remembered"
           << (is_all_ ? "" : " of " + what_) << "\n";
      return 1;
    }
    out_ << most << (most == 1 ? " entry" : " entries") << " lifted\n";
    return 0;
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  std::shared_ptr<const Config> config_;
  std::string verb_;
  std::string what_;
  bool is_all_ = false;
  bool is_wrong_ = false;
};

}  // namespace

int throttle(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Throttle(out, err).run(args);
}

}  // namespace pennypost::smtp
