// Evaluates who may relay: the destination of a recipient, and the clients that may do anything.

#include <algorithm>

#include "common/base/text.h"
#include "common/config/network_list.h"
#include "common/config/tables.h"
#include "common/net/address.h"
#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

MailAddress parsed(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  return address ? *std::move(address) : MailAddress();
}

std::string domain_of(const std::string& address) {
  auto mail_address = parsed(address);
  return mail_address.domain() ? mail_address.domain()->key() : "";
}

/// As the queue will have it: with $myorigin where it has no domain.
MailAddress Evaluation::completed(const std::string& text) const {
  auto address = parsed(text);
  if (address.is_null() || address.domain()) return address;
  auto origin = Domain::parse(settings_.myorigin, Utf8::Allowed);
  return origin ? address.with_domain(*std::move(origin)) : address;
}

bool Evaluation::hides_destination(const MailAddress& address) const {
  auto route = address.hidden_route();
  if (!route) return false;
  if (route->kind == HiddenRoute::Kind::Bang) return settings_.swap_bangpath;
  if (route->kind == HiddenRoute::Kind::Percent) return settings_.allow_percent_hack;
  return true;
}

Evaluation::Destination Evaluation::destination() {
  auto address = completed(request_.recipient);
  if (!address.domain() || hides_destination(address)) return Destination::Foreign;
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return Destination::Unknown;
  bool is_passed_on = *domain_class == DomainClass::Foreign ||
                      (request_.is_lmtp && *domain_class == DomainClass::Relay);
  return is_passed_on ? Destination::Foreign : Destination::Ours;
}

Answer Evaluation::permit_auth_destination(const Restriction&) {
  switch (destination()) {
    case Destination::Ours:
      return Answer::Permit;
    case Destination::Foreign:
      return verdict_.may_relay ? Answer::Permit : Answer::Undecided;
    case Destination::Unknown:
      return look_up_failed(Subject::Recipient);
  }
  return Answer::Undecided;
}

Answer Evaluation::reject_unauth_destination(const Restriction& restriction) {
  if (verdict_.may_relay && !request_.is_lmtp) return Answer::Undecided;
  int code = static_cast<int>(settings_.relay_domains_reject_code);
  if (restriction.name == "defer_unauth_destination") code -= 100;
  switch (destination()) {
    case Destination::Ours:
      return Answer::Undecided;
    case Destination::Foreign:
      return refuse(code, "5.7.1", "<" + request_.recipient + ">: Relay access denied");
    case Destination::Unknown:
      return look_up_failed(Subject::Recipient);
  }
  return Answer::Undecided;
}

Answer Evaluation::defer_unauth_destination(const Restriction& restriction) {
  return reject_unauth_destination(restriction);
}

// This host as a secondary mail host.

/// Hosts whose addresses are not known are not this one; later refusals are temporary then.
bool Evaluation::is_mail_host(const std::vector<ServerHost>& hosts) {
  return std::ranges::any_of(hosts, [&](const ServerHost& host) {
    if (equal_nocase(host.name, settings_.myhostname)) return true;
    return std::ranges::any_of(host.addresses, [&](const std::string& address) {
      return tables_.is_own_address(address);
    });
  });
}

bool Evaluation::are_in_networks(const std::vector<ServerHost>& hosts) {
  NetworkList networks(settings_.permit_mx_backup_networks);
  auto is_in = [&](const std::string& text) {
    auto address = IpAddress::parse(text);
    return address && networks.contains(*address);
  };
  return std::ranges::all_of(hosts, [&](const ServerHost& host) {
    return !host.addresses.empty() && std::ranges::all_of(host.addresses, is_in);
  });
}

Answer Evaluation::permit_mx_backup(const Restriction&) {
  auto address = completed(request_.recipient);
  if (!address.domain() || hides_destination(address)) return Answer::Undecided;
  switch (destination()) {
    case Destination::Ours:
      return Answer::Permit;
    case Destination::Unknown:
      return look_up_failed(Subject::Recipient);
    case Destination::Foreign:
      break;
  }
  if (address.domain()->is_literal()) return Answer::Undecided;
  auto found = tables_.servers(ServerKind::Mx, address.domain()->key());
  bool is_unknown = !found || std::ranges::any_of(found->hosts, &ServerHost::is_unknown);
  if (is_unknown && defer_if_reject_.code == 0) {
    defer_if_reject_ = {450, "4.4.4",
                        about(Subject::Recipient) + "Unable to look up mail exchanger information"};
  }
  if (!found || found->is_implied || found->hosts.empty()) return Answer::Undecided;
  auto primaries = std::move(found->hosts);
  auto first_backup = std::ranges::find_if(primaries, [&](const ServerHost& host) {
    return host.preference != primaries.front().preference;
  });
  std::vector<ServerHost> backups(first_backup, primaries.end());
  primaries.erase(first_backup, primaries.end());
  bool is_backup = !is_mail_host(primaries) && is_mail_host(backups);
  bool is_allowed = settings_.permit_mx_backup_networks.empty() || are_in_networks(primaries);
  return is_backup && is_allowed ? Answer::Permit : Answer::Undecided;
}

// Clients that may do anything.

/// The first item of mynetworks that holds the client decides, be it a network, a table, or one
/// with `!` before it. Where there is no table, `receive` has looked already.
Answer Evaluation::permit_mynetworks(const Restriction&) {
  if (request_.is_in_mynetworks) return Answer::Permit;
  auto is_table = [](std::string_view item) {
    return TableRef::is_table(item.substr(item.starts_with('!') ? 1 : 0));
  };
  if (std::ranges::none_of(settings_.mynetworks, is_table)) return Answer::Undecided;
  auto client = IpAddress::parse(request_.client_address);
  if (!client) return Answer::Undecided;
  for (std::string_view item : settings_.mynetworks) {
    bool is_excluded = item.starts_with('!');
    if (is_excluded) item.remove_prefix(1);
    auto network = Network::parse(item);
    bool holds = network && network->contains(*client);
    if (TableRef::is_table(item)) {
      auto found = is_in_table(item);
      if (!found) return look_up_failed(Subject::Client);
      holds = *found;
    }
    if (holds) return is_excluded ? Answer::Undecided : Answer::Permit;
  }
  return Answer::Undecided;
}

/// Whether a table of mynetworks holds the client's address or a network that it is in.
Result<bool> Evaluation::is_in_table(std::string_view reference) {
  TRY(auto table, table_of_item(reference));
  for (const store::LookupKey& key : network_keys(request_.client_address)) {
    TRY(auto value, tables_.find(table, key.text, key.kind));
    if (value) return true;
  }
  return false;
}

Answer Evaluation::permit_inet_interfaces(const Restriction&) {
  return request_.is_own_address ? Answer::Permit : Answer::Undecided;
}

Answer Evaluation::permit_sasl_authenticated(const Restriction&) {
  return request_.is_authenticated ? Answer::Permit : Answer::Undecided;
}

/// Who is trusted need not be known here; who is known need not be trusted.
Answer Evaluation::permit_tls_clientcerts(const Restriction&) {
  if (!request_.certificate) return Answer::Undecided;
  for (const std::string* print :
       {&request_.certificate->key_fingerprint, &request_.certificate->fingerprint}) {
    for (const TableRef& table : settings_.relay_clientcerts) {
      auto found = tables_.find(table, lower(*print), store::MapList::Key::Whole);
      if (!found) return look_up_failed(Subject::Client);
      if (*found) return Answer::Permit;
    }
  }
  return Answer::Undecided;
}

Answer Evaluation::permit_tls_all_clientcerts(const Restriction& restriction) {
  if (request_.certificate && request_.certificate->is_trusted) return Answer::Permit;
  return permit_tls_clientcerts(restriction);
}

}  // namespace pennypost::smtp
