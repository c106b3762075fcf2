#include "common/config/value_check.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/base/template.h"
#include "common/base/text.h"
#include "common/config/imapsieve_rules.h"
#include "common/config/milter_settings.h"
#include "common/config/requiretls_policy.h"
#include "common/config/screen_settings.h"
#include "common/config/server_ref.h"
#include "common/config/system.h"
#include "common/config/tables.h"
#include "common/config/tls_versions.h"
#include "common/mail/address.h"
#include "common/mail/header.h"

namespace pennypost {
namespace {

using Texts = std::vector<std::string>;

std::string shown(std::string_view item) { return "\"" + printable(item, 100) + "\""; }

// Words

/// The value of a setting that is a list; null for any other.
const Texts* as_list(const Texts& value) { return &value; }
template <class Value>
const Texts* as_list(const Value&) {
  return nullptr;
}

/// By the position in parameters().
constexpr const Texts* (*lists[])(const Settings&) = {
#define PARAMETER(kind, name, default_text, services, range, description) \
  [](const Settings& in) { return as_list(in.name); },
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};

bool is_list_of_words(const Parameter& parameter) {
  return parameter.kind == "List" && parameter.range.choices != nullptr;
}

std::string word_problem(std::string_view choices, const Texts& list) {
  auto words = split(choices, '|');
  for (const std::string& item : list) {
    auto equal = [&](std::string_view word) { return equal_nocase(word, item); };
    if (std::ranges::any_of(words, equal)) continue;
    return shown(item) + " is not one of: " + join({words.begin(), words.end()}, ", ");
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
    {"authorized_flush_users", &Settings::authorized_flush_users},
    {"authorized_mailq_users", &Settings::authorized_mailq_users},
    {"authorized_submit_users", &Settings::authorized_submit_users},
    {"fast_flush_domains", &Settings::fast_flush_domains},
    {"masquerade_exceptions", &Settings::masquerade_exceptions},
    {"mydestination", &Settings::mydestination},
    {"relay_domains", &Settings::relay_domains},
    {"srs_exempt_domains", &Settings::srs_exempt_domains},
    {"virtual_alias_domains", &Settings::virtual_alias_domains},
    {"virtual_mailbox_domains", &Settings::virtual_mailbox_domains},
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
    {"authorized_verp_clients", &Settings::authorized_verp_clients},
    {"login_client_event_limit_exceptions", &Settings::login_client_event_limit_exceptions},
    {"mailauth_exempt_networks", &Settings::mailauth_exempt_networks},
    {"mynetworks", &Settings::mynetworks},
    {"permit_mx_backup_networks", &Settings::permit_mx_backup_networks},
    {"smtpd_authorized_verp_clients", &Settings::smtpd_authorized_verp_clients},
    {"smtpd_authorized_xclient_hosts", &Settings::smtpd_authorized_xclient_hosts},
    {"smtpd_authorized_xforward_hosts", &Settings::smtpd_authorized_xforward_hosts},
    {"smtpd_client_event_limit_exceptions", &Settings::smtpd_client_event_limit_exceptions},
    {"smtpd_proxy_networks", &Settings::smtpd_proxy_networks},
    {"smtpd_sasl_exceptions_networks", &Settings::smtpd_sasl_exceptions_networks},
};

/// Empty if the text is an address or a network: 192.0.2.0/24, [2001:db8::]/32.
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

std::string network_problem(const NetworkRow& row, const Settings& settings) {
  for (const std::string& item : settings.*row.member) {
    std::string named = item.starts_with('!') ? item.substr(1) : item;
    bool is_table = TableRef::is_table(named);
    std::string problem = is_table ? table_item_problem(item) : network_item_problem(named);
    if (!problem.empty()) return is_table ? problem : shown(item) + " " + problem;
  }
  return "";
}

// Addresses

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

/// Empty if the text is an address of the same family as the example.
std::string bind_problem(const std::string& text, std::string_view example) {
  auto is_ip6 = [](std::string_view address) { return address.find(':') != address.npos; };
  if (text.empty()) return "";
  if (is_address_text(text) && is_ip6(text) == is_ip6(example)) return "";
  return shown(text) + " is not an " + (is_ip6(example) ? "IPv6" : "IPv4") + " address; write " +
         std::string(example);
}

std::string address_problem(const Texts& items) {
  for (const std::string& item : items) {
    if (!is_address_text(item)) {
      return shown(item) + " is not an address; write 192.0.2.1 or 2001:db8::1";
    }
  }
  return "";
}

std::string ip_address_problem(const std::string& text) {
  if (is_address_text(text)) return "";
  return shown(text) + " is not an IP address; write 127.0.0.1, or :: for all";
}

// Restrictions

struct RestrictionRow {
  std::string_view name;
  std::vector<Restriction> Settings::*member;
};
constexpr RestrictionRow restriction_rows[] = {
    {"smtpd_client_restrictions", &Settings::smtpd_client_restrictions},
    {"smtpd_data_restrictions", &Settings::smtpd_data_restrictions},
    {"smtpd_end_of_data_restrictions", &Settings::smtpd_end_of_data_restrictions},
    {"smtpd_helo_restrictions", &Settings::smtpd_helo_restrictions},
    {"smtpd_recipient_restrictions", &Settings::smtpd_recipient_restrictions},
    {"smtpd_relay_restrictions", &Settings::smtpd_relay_restrictions},
    {"smtpd_etrn_restrictions", &Settings::smtpd_etrn_restrictions},
    {"smtpd_sender_restrictions", &Settings::smtpd_sender_restrictions},
};

/// At DATA and later no single client, sender or recipient is asked about.
std::string restriction_problem(const RestrictionRow& row, const Settings& settings) {
  const auto& list = settings.*row.member;
  bool is_about_one =
      row.name != "smtpd_data_restrictions" && row.name != "smtpd_end_of_data_restrictions";
  for (const Restriction& item : list) {
    if (is_about_one || item.name != "check_access") continue;
    return shown(item.argument) +
           " does not say what is looked up in it; write check_client_access, check_helo_access, "
           "check_sender_access or check_recipient_access before it";
  }
  return class_problem(list, settings.smtpd_restriction_classes);
}

// Texts

/// The names in texts that are expanded for each recipient (smtpd/routing/user_text.h).
constexpr std::array<std::string_view, 7> user_names{
    "home", "user", "extension", "recipient_delimiter", "local", "domain", "recipient"};

/// Checks the text that follows a `$`.
std::string user_name_problem(std::string_view text) {
  bool has_brace = text.starts_with('{');
  if (has_brace) text.remove_prefix(1);
  std::size_t length = 0;
  while (length < text.size() && (is_alnum(text[length]) || text[length] == '_')) ++length;
  std::string name(text.substr(0, length));
  if (std::ranges::find(user_names, name) == user_names.end()) {
    std::string names;
    for (std::string_view known : user_names) {
      names += (names.empty() ? "$" : ", $") + std::string(known);
    }
    return shown("$" + name) + " is not one of: " + names;
  }
  bool is_closed = !has_brace || text.substr(length).starts_with('}');
  return is_closed ? "" : shown("${" + name) + " needs a } after the name; write ${" + name + "}";
}

std::string user_text_problem(std::string_view text) {
  for (auto dollar = text.find('$'); dollar != text.npos; dollar = text.find('$', dollar + 1)) {
    std::string problem = user_name_problem(text.substr(dollar + 1));
    if (!problem.empty()) return problem;
  }
  return "";
}

/// What `text` names and nothing gives a value to; empty where there is none.
std::string template_problem(std::string_view text, std::initializer_list<std::string_view> known) {
  std::string problem;
  // Once as if all had a value, once as if none: so both branches of ${name?text} are seen.
  for (const char* each : {"x", ""}) {
    (void)fill_in(text, [&](std::string_view name) {
      bool is_known = std::ranges::find(known, name) != known.end();
      if (!is_known && problem.empty()) {
        problem = shown("$" + std::string(name)) + " is none of: ";
        for (std::string_view one : known)
          problem += (one == *known.begin() ? "$" : ", $") + std::string(one);
      }
      return std::string(each);
    });
  }
  return problem;
}

std::string versions_problem(std::string_view text) {
  auto versions = TlsVersions::parse(text);
  return versions ? "" : versions.error().text();
}

/// RFC 2971 section 3.3.
std::string id_problem(std::string_view text) {
  constexpr std::size_t pairs_max = 30;
  constexpr std::size_t key_bytes_max = 30;
  auto pieces = words(text, " ");
  if (pieces.size() % 2 != 0) {
    return shown(pieces.back()) + " is a key without a value; write pairs, as name * version *";
  }
  if (pieces.size() > 2 * pairs_max) {
    return "has " + std::to_string(pieces.size() / 2) +
           " pairs of a key and a value; write at most " + std::to_string(pairs_max);
  }
  std::set<std::string> keys;
  for (std::size_t i = 0; i < pieces.size(); i += 2) {
    if (pieces[i].size() > key_bytes_max) {
      return shown(pieces[i]) + " is too long for a key; write at most " +
             std::to_string(key_bytes_max) + " bytes";
    }
    if (!keys.insert(lower(pieces[i])).second) {
      return "has the key " + shown(pieces[i]) + " twice; write it once";
    }
  }
  return "";
}

/// Empty if the text is empty or an address, with or without a domain.
std::string mail_address_problem(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (text.empty() || (address && !address->is_null())) return "";
  return shown(text) + " is not one address; write archive@example.com";
}

/// Empty if the text is an address with a domain.
std::string whole_address_problem(const std::string& text) {
  auto address = MailAddress::parse(text);
  if (address && address->domain()) return "";
  return shown(text) + " is not an address with a domain; write postmaster@example.com";
}

/// A sender chooses what $local is, so that it must not end up in a command or a file's name.
std::string luser_relay_problem(const std::string& text) {
  bool is_address = text.find_first_of("|/:, \t") == text.npos;
  if (!is_address) {
    return shown(text) + " is not one address; write admin@example.com or $local@example.com";
  }
  return user_text_problem(text);
}

std::string domain_problem(std::string_view text) {
  if (text.empty() || Domain::parse(text, Utf8::Allowed)) return "";
  return shown(std::string(text)) + " is not a domain; write one like example.com";
}

std::string trusted_domains_problem(const Texts& items) {
  for (const std::string& item : items) {
    if (auto problem = domain_problem(item); !problem.empty()) return problem;
  }
  return "";
}

/// example.com, or !sub.example.com
std::string domains_problem(const Texts& items) {
  for (std::string_view item : items) {
    item.remove_prefix(std::min(item.find_first_not_of('!'), item.size()));
    std::string problem = item.empty() ? "\"!\" needs a domain" : domain_problem(item);
    if (!problem.empty()) return problem;
  }
  return "";
}

/// One field on one line.
std::string field_problem(std::string_view text) {
  bool is_field = is_field_line(text) && text.find_first_of("\r\n") == text.npos;
  if (text.empty() || is_field) return "";
  return shown(text) + " is not a header field; write To: undisclosed-recipients:;";
}

/// RFC 8601 section 2.5: a name that needs no quotes.
std::string authserv_id_problem(const std::string& text) {
  bool is_name = std::ranges::all_of(
      text, [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
  return is_name ? "" : shown(text) + " is not a name; write one like mail.example.com";
}

/// Empty where all items name milters.
std::string milters_problem(const Texts& items, const Settings& settings) {
  auto list = MilterSettings::parse_list(items, settings);
  return list ? "" : list.error().text();
}

std::string macro_defaults_problem(const Texts& items) {
  auto defaults = parse_macro_defaults(items);
  return defaults ? "" : defaults.error().text();
}

template <class Parsed>
std::string items_problem(const Texts& items) {
  for (const std::string& item : items) {
    auto parsed = Parsed::parse(item);
    if (!parsed) return parsed.error().text();
  }
  return "";
}

std::string aliases_problem(const Texts& items) {
  for (const std::string& item : items) {
    if (item.size() > 1 && (item.ends_with('/') || item.ends_with('.'))) continue;
    return shown(item) + " ends with no separator; write mail/, or mail. where that is a dot";
  }
  return "";
}

std::string interfaces_problem(const Texts& items) {
  auto list = parse_screen_interfaces(items);
  return list ? "" : list.error().text();
}

std::string server_place_problem(const std::string& text) {
  if (text.empty()) return "";
  auto place = ServerRef::parse_filter(text);
  return place ? "" : place.error().text();
}

// Settings with a special rule

struct Rule {
  std::string_view name;
  std::string (*problem)(const Settings& settings);
};
constexpr Rule rules[] = {
    {"always_bcc", [](const Settings& in) { return mail_address_problem(in.always_bcc); }},
    {"arc_sealing_domain",
     [](const Settings& in) { return domain_problem(in.arc_sealing_domain); }},
    {"arc_trusted_sealers",
     [](const Settings& in) { return trusted_domains_problem(in.arc_trusted_sealers); }},
    {"authserv_id", [](const Settings& in) { return authserv_id_problem(in.authserv_id); }},
    {"command_execution_directory",
     [](const Settings& in) { return user_text_problem(in.command_execution_directory); }},
    {"default_rbl_reply",
     [](const Settings& in) {
       return template_problem(in.default_rbl_reply,
                               {"rbl_code", "rbl_class", "rbl_what", "rbl_domain", "rbl_reason",
                                "rbl_txt", "client", "client_address", "client_name",
                                "reverse_client_name", "helo_name", "sender", "recipient"});
     }},
    {"dmarc_report_sender",
     [](const Settings& in) { return whole_address_problem(in.dmarc_report_sender); }},
    {"dns_servers", [](const Settings& in) { return server_problem(in.dns_servers); }},
    {"forward_path", [](const Settings& in) { return user_text_problem(in.forward_path); }},
    {"imap_id_send", [](const Settings& in) { return id_problem(in.imap_id_send); }},
    {"imapsieve_scripts",
     [](const Settings& in) { return imapsieve_rules_problem(in.imapsieve_scripts); }},
    {"lmtp_bind_address",
     [](const Settings& in) { return bind_problem(in.lmtp_bind_address, "192.0.2.1"); }},
    {"lmtp_bind_address6",
     [](const Settings& in) { return bind_problem(in.lmtp_bind_address6, "2001:db8::1"); }},
    {"lmtp_tls_mandatory_protocols",
     [](const Settings& in) { return versions_problem(in.lmtp_tls_mandatory_protocols); }},
    {"lmtp_tls_protocols",
     [](const Settings& in) { return versions_problem(in.lmtp_tls_protocols); }},
    {"lmtp_requiretls_policy",
     [](const Settings& in) { return items_problem<RequireTlsRule>(in.lmtp_requiretls_policy); }},
    {"luser_relay", [](const Settings& in) { return luser_relay_problem(in.luser_relay); }},
    {"masquerade_domains",
     [](const Settings& in) { return domains_problem(in.masquerade_domains); }},
    {"metrics_address", [](const Settings& in) { return ip_address_problem(in.metrics_address); }},
    {"milter_macro_defaults",
     [](const Settings& in) { return macro_defaults_problem(in.milter_macro_defaults); }},
    {"milter_protocol",
     [](const Settings& in) {
       auto milter = MilterSettings::parse("inet:localhost:1", in);
       return milter ? std::string() : milter.error().text();
     }},
    {"namespace_aliases", [](const Settings& in) { return aliases_problem(in.namespace_aliases); }},
    {"non_smtpd_milters",
     [](const Settings& in) { return milters_problem(in.non_smtpd_milters, in); }},
    {"postscreen_access_list",
     [](const Settings& in) { return items_problem<ScreenRule>(in.postscreen_access_list); }},
    {"postscreen_allowlist_interfaces",
     [](const Settings& in) { return interfaces_problem(in.postscreen_allowlist_interfaces); }},
    {"postscreen_dnsbl_sites",
     [](const Settings& in) { return items_problem<DnsblSite>(in.postscreen_dnsbl_sites); }},
    {"proxy_interfaces", [](const Settings& in) { return address_problem(in.proxy_interfaces); }},
    {"remote_header_rewrite_domain",
     [](const Settings& in) { return domain_problem(in.remote_header_rewrite_domain); }},
    {"report_recipient",
     [](const Settings& in) { return mail_address_problem(in.report_recipient); }},
    {"smtp_requiretls_policy",
     [](const Settings& in) { return items_problem<RequireTlsRule>(in.smtp_requiretls_policy); }},
    {"smtp_tls_mandatory_protocols",
     [](const Settings& in) { return versions_problem(in.smtp_tls_mandatory_protocols); }},
    {"smtp_tls_protocols",
     [](const Settings& in) { return versions_problem(in.smtp_tls_protocols); }},
    {"smtp_tlsrpt_sender",
     [](const Settings& in) { return whole_address_problem(in.smtp_tlsrpt_sender); }},
    {"smtpd_milters", [](const Settings& in) { return milters_problem(in.smtpd_milters, in); }},
    {"smtpd_proxy_filter",
     [](const Settings& in) { return server_place_problem(in.smtpd_proxy_filter); }},
    {"smtpd_tls_mandatory_protocols",
     [](const Settings& in) { return versions_problem(in.smtpd_tls_mandatory_protocols); }},
    {"smtpd_tls_protocols",
     [](const Settings& in) { return versions_problem(in.smtpd_tls_protocols); }},
    {"srs_domain", [](const Settings& in) { return domain_problem(in.srs_domain); }},
    {"smtpd_reject_footer",
     [](const Settings& in) {
       return template_problem(in.smtpd_reject_footer,
                               {"client", "client_address", "client_name", "client_port",
                                "reverse_client_name", "helo_name", "localtime", "recipient",
                                "sender", "server_address", "server_name", "server_port"});
     }},
    {"smtp_bind_address",
     [](const Settings& in) { return bind_problem(in.smtp_bind_address, "192.0.2.1"); }},
    {"smtp_bind_address6",
     [](const Settings& in) { return bind_problem(in.smtp_bind_address6, "2001:db8::1"); }},
    {"undisclosed_recipients_header",
     [](const Settings& in) { return field_problem(in.undisclosed_recipients_header); }},
};

}  // namespace

bool is_address_text(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return !network_text(std::string(text), 1).empty();
}

std::string value_problem(std::string_view name, const Settings& settings) {
  auto index = find_parameter(name);
  if (index && is_list_of_words(parameters()[*index])) {
    auto problem = word_problem(parameters()[*index].range.choices, *lists[*index](settings));
    if (!problem.empty()) return problem;
  }
  for (const NetworkRow& row : network_rows) {
    if (row.name == name) return network_problem(row, settings);
  }
  for (const RestrictionRow& row : restriction_rows) {
    if (row.name == name) return restriction_problem(row, settings);
  }
  for (const NameRow& row : name_rows) {
    if (row.name == name) return name_problem(settings.*row.member);
  }
  for (const Rule& rule : rules) {
    if (rule.name == name) return rule.problem(settings);
  }
  return "";
}

const std::vector<std::string_view>& checked_values() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Rule& rule : rules) all.push_back(rule.name);
    for (const Parameter& parameter : parameters()) {
      if (is_list_of_words(parameter)) all.push_back(parameter.name);
    }
    for (const NameRow& row : name_rows) all.push_back(row.name);
    for (const NetworkRow& row : network_rows) all.push_back(row.name);
    for (const RestrictionRow& row : restriction_rows) all.push_back(row.name);
    return all;
  }();
  return names;
}

const std::vector<std::string_view>& network_settings() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const NetworkRow& row : network_rows) all.push_back(row.name);
    return all;
  }();
  return names;
}

}  // namespace pennypost
