#include "smtpd/commands/route.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "common/base/explanation.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/offline_lookup.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

struct Call {
  std::string address;
  std::string sender;
  std::string client;
  std::string helo;
  std::string login;
  std::string service = "smtp";
  LoadOptions load;
};

struct Option {
  std::string_view name;
  std::string Call::*value;
};
constexpr std::array options{
    Option{"--from", &Call::sender},     Option{"--client", &Call::client},
    Option{"--helo", &Call::helo},       Option{"--login", &Call::login},
    Option{"--service", &Call::service},
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    auto option = std::ranges::find(options, args[i], &Option::name);
    const bool takes_value = args[i] == "-c" || option != options.end();
    if (takes_value && i + 1 == args.size()) return {};
    if (args[i] == "-c") {
      call.load.directory = args[++i];
    } else if (takes_value) {
      call.*(option->value) = args[++i];
    } else if (args[i].starts_with('-') || !call.address.empty()) {
      return {};
    } else {
      call.address = args[i];
    }
  }
  if (call.sender == "<>") call.sender.clear();
  if (call.address.empty()) return {};
  return call;
}

class RouteTeller {
 public:
  RouteTeller(const Call& call, OfflineLookup& lookup, std::ostream& out, std::ostream& err)
      : call_(call), lookup_(lookup), out_(out), err_(err) {}

  int run() {
    if (!call_.client.empty() && !ask_as_client()) return is_wrong_call_ ? ex_usage : ex_failed;
    Recipient recipient;
    recipient.address = recipient.original = call_.address;
    follow(recipient, 0);
    return has_way_ ? 0 : ex_failed;
  }

 private:
  void tell_reasons(int depth) {
    for (const auto& reason : explanation_.take()) indent(depth) << reason << "\n";
  }
  std::ostream& indent(int depth) {
    return out_ << std::string(static_cast<std::size_t>(2 * depth + 2), ' ');
  }

  bool ask_as_client() {
    auto client = IpAddress::parse(call_.client);
    if (!client || lookup_.config().find_service(call_.service) == nullptr) {
      err_ << "pennypost route: "
           << (client ? "no service \"" + printable(call_.service, 100) + "\""
                      : "\"" + printable(call_.client, 100) + "\" is no IP address")
           << "\n";
      is_wrong_call_ = true;
      return false;
    }
    CheckRecipient request = lookup_.request_of(*client, call_.service);
    request.helo = call_.helo.empty() ? request.client_name : call_.helo;
    request.sender = call_.sender;
    request.recipient = call_.address;
    request.is_authenticated = !call_.login.empty();
    request.sasl_username = call_.login;
    request.is_encrypted = request.is_authenticated;
    request.recipients = 1;
    out_ << "RCPT from " << request.client_name << "[" << request.client_address << "]"
         << (request.is_in_mynetworks ? ", which is in mynetworks" : "") << ":\n";
    explanation_.take();
    auto verdict = lookup_.check(request);
    tell_last_reasons();
    out_ << "  " << verdict.code << " " << verdict.status << " " << verdict.text << "\n";
    for (const auto& note : verdict.notes) out_ << "  " << note.action << ": " << note.text << "\n";
    if (verdict.hold) out_ << "  the message would be held\n";
    if (verdict.discard) out_ << "  the message would be thrown away\n";
    if (!verdict.redirect.empty()) out_ << "  it would go to " << verdict.redirect << " alone\n";
    if (!verdict.filter.empty()) out_ << "  it would go through " << verdict.filter << "\n";
    return verdict.code < 300;
  }

  /// A restriction that asks DNS is evaluated again with the answer: the last round is the whole.
  void tell_last_reasons() {
    auto reasons = explanation_.take();
    auto begin = reasons.begin();
    if (!reasons.empty()) {
      auto last = std::find(reasons.rbegin(), reasons.rend(), reasons.front());
      begin = last.base() - 1;
    }
    for (; begin != reasons.end(); ++begin) out_ << "  " << *begin << "\n";
  }

  void follow(const Recipient& recipient, int depth) {
    indent(depth - 1) << printable(recipient.address) << "\n";
    if (++steps_ > route_steps_max || recipient.depth > lookup_.config().alias_depth_max) {
      indent(depth) << "and so on: aliases lead in a circle, or too deep; it is returned\n";
      return;
    }
    explanation_.take();
    auto resolution = lookup_.resolve(recipient, call_.sender);
    tell_reasons(depth);
    if (!resolution) {
      indent(depth) << "is put off: " << resolution.error().text() << "\n";
      return;
    }
    if (!resolution->is_expansion) {
      tell_route(resolution->route, depth);
      return;
    }
    if (resolution->children.empty()) indent(depth) << "expands to nobody\n";
    for (auto& child : resolution->children) {
      if (child.address == recipient.address && child.kind == recipient.kind) child.is_self = true;
      child.depth = recipient.depth + 1;
      if (!known_.insert(child.address + (child.is_self ? "*" : "")).second) {
        indent(depth) << printable(child.address) << ", which has its mail already\n";
        continue;
      }
      follow(child, depth + 1);
    }
  }

  void tell_route(const Route& route, int depth) {
    auto& to = indent(depth);
    const std::string name = route.name.empty() ? "" : " (transport " + route.name + ")";
    const std::string hop = printable(route.next_hop);
    bool is_delivered = true;
    switch (route.transport) {
      case Transport::Local:
        to << "is delivered to the mailbox of " << route.account.name << ": "
           << route.account.mail_location << (hop.empty() ? "" : ", by the command " + hop) << name
           << "\n";
        break;
      case Transport::Smtp:
        to << "is sent to " << hop << name << "\n";
        break;
      case Transport::Lmtp:
        to << "is sent by LMTP to " << hop << name << "\n";
        break;
      case Transport::Pipe:
        to << "is piped to " << hop << "\n";
        break;
      case Transport::Program:
        to << "is handed to the command of" << name << (hop.empty() ? "" : ", next hop " + hop)
           << "\n";
        break;
      case Transport::File:
        to << "is appended to " << hop << "\n";
        break;
      case Transport::Include:
        to << "is a list that is read at delivery: " << hop << "\n";
        break;
      case Transport::Discard:
        to << "is thrown away: " << hop << name << "\n";
        break;
      case Transport::Error:
        is_delivered = false;
        to << (route.status.starts_with('4') ? "is put off: " : "is returned: ") << route.status
           << " " << hop << name << "\n";
        break;
    }
    has_way_ = has_way_ || is_delivered;
  }

  const Call& call_;
  OfflineLookup& lookup_;
  std::ostream& out_;
  std::ostream& err_;
  Explanation explanation_;
  std::set<std::string> known_;
  std::size_t steps_ = 0;
  bool has_way_ = false;
  bool is_wrong_call_ = false;
};

}  // namespace

int route(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::route << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  auto lookup = OfflineLookup::open(config);
  if (!lookup) {
    err << "pennypost route: " << lookup.error().text() << "\n";
    return ex_config;
  }
  return RouteTeller(*call, **lookup, out, err).run();
}

}  // namespace pennypost::smtp
