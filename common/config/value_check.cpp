#include "common/config/value_check.h"

#include <algorithm>
#include <initializer_list>

#include "common/base/text.h"
#include "common/config/system.h"
#include "common/config/tables.h"

namespace pennypost {
namespace {

using Texts = std::vector<std::string>;

std::string shown(std::string_view item) { return "\"" + printable(item, 100) + "\""; }

// Words

struct WordRow {
  std::string_view name;
  Texts Settings::*member;
  std::initializer_list<std::string_view> words;
};
const WordRow word_rows[] = {
    {"allow_mail_to_commands", &Settings::allow_mail_to_commands, {"alias", "forward", "include"}},
    {"allow_mail_to_files", &Settings::allow_mail_to_files, {"alias", "forward", "include"}},
    {"auth_mechanisms",
     &Settings::auth_mechanisms,
     {"auto", "plain", "login", "scram-sha-256", "scram-sha-256-plus", "external"}},
    {"canonical_classes",
     &Settings::canonical_classes,
     {"envelope_sender", "envelope_recipient", "header_sender", "header_recipient"}},
    {"defer_transports",
     &Settings::defer_transports,
     {"local", "virtual", "smtp", "relay", "error", "retry", "discard"}},
    {"inet_protocols", &Settings::inet_protocols, {"all", "ipv4", "ipv6"}},
    {"local_header_rewrite_clients",
     &Settings::local_header_rewrite_clients,
     {"permit_inet_interfaces", "permit_mynetworks", "permit_sasl_authenticated"}},
    {"mailbox_delivery_lock", &Settings::mailbox_delivery_lock, {"fcntl", "flock", "dotlock"}},
    // All of Postfix's own, since its default names them; those that are no setting here do no
    // harm.
    {"parent_domain_matches_subdomains",
     &Settings::parent_domain_matches_subdomains,
     {"relay_domains", "smtpd_access_maps", "transport_maps", "virtual_alias_domains",
      "debug_peer_list", "fast_flush_domains", "mynetworks", "permit_mx_backup_networks",
      "qmqpd_authorized_clients"}},
    {"propagate_unmatched_extensions",
     &Settings::propagate_unmatched_extensions,
     {"canonical", "virtual", "alias"}},
    {"protocols", &Settings::protocols, {"imap", "pop3", "none"}},
    {"recipient_canonical_classes",
     &Settings::recipient_canonical_classes,
     {"envelope_recipient", "header_recipient"}},
    {"sender_canonical_classes",
     &Settings::sender_canonical_classes,
     {"envelope_sender", "header_sender"}},
    {"smtp_host_lookup", &Settings::smtp_host_lookup, {"dns", "native"}},
};

std::string word_problem(const WordRow& row, const Texts& list) {
  for (const std::string& item : list) {
    auto equal = [&](std::string_view word) { return equal_nocase(word, item); };
    if (std::ranges::any_of(row.words, equal)) continue;
    std::string words;
    for (std::string_view word : row.words) {
      words += (words.empty() ? "" : ", ") + std::string(word);
    }
    return shown(item) + " is none of: " + words;
  }
  return "";
}

// Tables among names

std::string table_item_problem(std::string_view item) {
  if (item.starts_with('!')) item.remove_prefix(1);
  if (!TableRef::is_table(item)) return "";
  auto table = table_of_item(item);
  return table ? "" : table.error().text();
}

struct NameRow {
  std::string_view name;
  Texts Settings::*member;
};
constexpr NameRow name_rows[] = {
    {"mydestination", &Settings::mydestination},
    {"relay_domains", &Settings::relay_domains},
    {"virtual_alias_domains", &Settings::virtual_alias_domains},
};

std::string name_problem(const Texts& items) {
  for (const std::string& item : items) {
    std::string problem = table_item_problem(item);
    if (!problem.empty()) return problem;
  }
  return "";
}

// Networks

struct NetworkRow {
  std::string_view name;
  Texts Settings::*member;
};
constexpr NetworkRow network_rows[] = {
    {"auth_throttle_exempt_networks", &Settings::auth_throttle_exempt_networks},
    {"login_client_event_limit_exceptions", &Settings::login_client_event_limit_exceptions},
    {"mynetworks", &Settings::mynetworks},
    {"smtpd_client_event_limit_exceptions", &Settings::smtpd_client_event_limit_exceptions},
    {"smtpd_proxy_networks", &Settings::smtpd_proxy_networks},
    {"smtpd_sasl_exceptions_networks", &Settings::smtpd_sasl_exceptions_networks},
};

/// Empty where the text is an address or a network: 192.0.2.0/24, [2001:db8::]/32.
std::string network_item_problem(std::string text) {
  std::string bits;
  if (auto slash = text.rfind('/'); slash != std::string::npos) {
    bits = text.substr(slash + 1);
    text.resize(slash);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  int size = text.find(':') != std::string::npos ? 128 : 32;
  std::string whole = network_text(text, size);
  if (whole.empty()) return "is not an address; write 192.0.2.0/24 or [2001:db8::]/32";
  if (bits.empty()) return "";
  auto number = parse_number(bits);
  if (!number || *number > static_cast<std::uint64_t>(size)) {
    return "has an impossible length; write at most /" + std::to_string(size);
  }
  std::string network = network_text(text, static_cast<int>(*number));
  std::string same = whole.substr(0, whole.rfind('/')) + "/" + std::to_string(*number);
  return network != same ? "has bits beyond its length; write " + network : "";
}

std::string network_problem(const Texts& items) {
  for (const std::string& item : items) {
    std::string named = item[0] == '!' ? item.substr(1) : item;
    bool is_table = TableRef::is_table(named);
    std::string problem = is_table ? table_item_problem(named) : network_item_problem(named);
    if (is_table && !problem.empty()) return problem;
    if (!problem.empty()) return shown(item) + " " + problem;
  }
  return "";
}

// Addresses of servers

/// 192.0.2.1, 192.0.2.1:5353, 2001:db8::1, [2001:db8::1]:5353
std::string server_problem(const Texts& items) {
  for (const std::string& item : items) {
    if (is_address_text(item)) continue;
    auto colon = item.rfind(':');
    auto port = colon == item.npos ? std::nullopt : parse_number(item.substr(colon + 1));
    if (port && *port > 0 && *port < 65536 && is_address_text(item.substr(0, colon))) continue;
    return shown(item) + " is not an address; write 192.0.2.1 or [192.0.2.1]:53";
  }
  return "";
}

}  // namespace

bool is_address_text(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return !network_text(std::string(text), 1).empty();
}

std::string value_problem(std::string_view name, const Settings& settings) {
  for (const WordRow& row : word_rows) {
    if (row.name == name) return word_problem(row, settings.*row.member);
  }
  for (const NetworkRow& row : network_rows) {
    if (row.name == name) return network_problem(settings.*row.member);
  }
  for (const NameRow& row : name_rows) {
    if (row.name == name) return name_problem(settings.*row.member);
  }
  return name == "dns_servers" ? server_problem(settings.dns_servers) : "";
}

const std::vector<std::string_view>& checked_values() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all{"dns_servers"};
    for (const WordRow& row : word_rows) all.push_back(row.name);
    for (const NameRow& row : name_rows) all.push_back(row.name);
    for (const NetworkRow& row : network_rows) all.push_back(row.name);
    return all;
  }();
  return names;
}

}  // namespace pennypost
