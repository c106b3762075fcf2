// Computes the defaults that depend on the host and on other settings.
//
// Each follows Postfix or Dovecot: names come from the system and mynetworks from its addresses;
// smtpd and the mailbox servers share certificates; all find mail in the same place.
#include <functional>

#include "common/base/text.h"
#include "common/config/layers.h"
#include "common/mail/public_suffix.h"

namespace pennypost {
namespace {

std::string myhostname(const Layers& layers, Scope) {
  const std::string& name = layers.system().hostname;
  if (name.find('.') != name.npos) return name;
  std::string domain = layers.is_given("mydomain") ? "$mydomain" : "localdomain";
  return (name.empty() ? "localhost" : name) + "." + domain;
}

std::string mydomain(const Layers& layers, Scope) {
  // Empty if myhostname itself refers to $mydomain; then the system's name is used.
  std::string name = layers.value("myhostname");
  if (name.empty()) name = layers.system().hostname;
  auto dot = name.find('.');
  if (dot == name.npos || dot + 1 == name.size()) return "localdomain";
  std::string parent = name.substr(dot + 1);
  // A public suffix is not our domain: the host example.com must not accept the mail of com.
  bool is_own = parent.find('.') != parent.npos && !is_public_suffix(parent);
  return is_own || equal_nocase(parent, "localdomain") ? parent : name;
}

/// The prefix length by the old address classes: 8, 16 or 24 bits, from the first byte.
int class_bits(const std::string& address) {
  auto first = parse_number(address.substr(0, address.find('.')));
  if (!first) return 64;
  return *first < 128 ? 8 : *first < 192 ? 16 : 24;
}

/// As in Postfix, networks of addresses that are not in inet_interfaces are not trusted.
bool listens_on(const std::string& interfaces, const std::string& address) {
  bool names_others = false;
  for (std::string_view item : words(interfaces)) {
    if (item.starts_with('[') && item.ends_with(']')) item = item.substr(1, item.size() - 2);
    if (item == "all" || item == address) return true;
    bool is_address = !network_text(std::string(item), 0).empty();
    names_others = names_others || (!is_address && item != "loopback-only" && item != "localhost");
  }
  return names_others;  // a host name may mean it
}

std::string mynetworks(const Layers& layers, Scope) {
  std::string result = "127.0.0.0/8 [::1]/128";
  std::string interfaces = lower(layers.value("inet_interfaces"));
  if (interfaces == "localhost" || interfaces == "loopback-only") return result;
  std::string style = lower(layers.value("mynetworks_style"));
  for (const System::Interface& interface : layers.system().interfaces) {
    if (!listens_on(interfaces, interface.address)) continue;
    bool ipv6 = interface.address.find(':') != std::string::npos;
    int bits = ipv6 ? 128 : 32;
    if (style == "subnet") bits = interface.prefix_bits;
    if (style == "class") bits = class_bits(interface.address);
    std::string network = network_text(interface.address, bits);
    if (!network.empty()) result += " " + network;
  }
  return result;
}

std::string smtpd_tls_cert_file(const Layers& layers, Scope) {
  return layers.is_given("ssl_cert") ? "$ssl_cert" : "";
}

std::string smtpd_tls_key_file(const Layers& layers, Scope scope) {
  bool theirs = layers.is_given("ssl_key") && !layers.is_given("smtpd_tls_cert_file", scope);
  return theirs ? "$ssl_key" : "$smtpd_tls_cert_file";
}

std::string ssl_cert(const Layers& layers, Scope) {
  return layers.is_given("smtpd_tls_cert_file") ? "$smtpd_tls_cert_file" : "";
}

std::string ssl_key(const Layers& layers, Scope scope) {
  bool theirs = layers.is_given("smtpd_tls_key_file") && !layers.is_given("ssl_cert", scope);
  return theirs ? "$smtpd_tls_key_file" : "$ssl_cert";
}

std::string smtpd_tls_security_level(const Layers& layers, Scope scope) {
  bool has_certificate = !layers.value("smtpd_tls_cert_file", scope).empty() ||
                         !layers.value("smtpd_tls_chain_files", scope).empty();
  return has_certificate ? "may" : "none";
}

std::string ssl(const Layers& layers, Scope scope) {
  return layers.value("ssl_cert", scope).empty() ? "no" : "yes";
}

std::string mail_location(const Layers& layers, Scope) {
  std::string home_mailbox = layers.value("home_mailbox");
  if (home_mailbox.empty()) return "mbox:~/mail:INBOX=$mail_spool_directory/%u";
  if (home_mailbox.ends_with('/')) {
    return "maildir:~/" + home_mailbox.substr(0, home_mailbox.size() - 1);
  }
  return "mbox:~/mail:INBOX=~/" + home_mailbox;
}

std::string virtual_mail_location(const Layers& layers, Scope) {
  bool chosen = layers.is_given("mail_location") || layers.is_given("home_mailbox");
  return chosen ? "$mail_location" : "maildir:~/Maildir";
}

std::string system_users(const Layers& layers, Scope) {
  return layers.system().root ? "yes" : "no";
}

struct Derived {
  std::string_view name;
  std::string (*text)(const Layers&, Scope);
};
constexpr Derived derived[] = {
    {"mail_location", mail_location},
    {"mydomain", mydomain},
    {"myhostname", myhostname},
    {"mynetworks", mynetworks},
    {"smtpd_tls_cert_file", smtpd_tls_cert_file},
    {"smtpd_tls_key_file", smtpd_tls_key_file},
    {"smtpd_tls_security_level", smtpd_tls_security_level},
    {"ssl", ssl},
    {"ssl_cert", ssl_cert},
    {"ssl_key", ssl_key},
    {"system_users", system_users},
    {"virtual_mail_location", virtual_mail_location},
};

}  // namespace

std::optional<std::string> derived_default(std::string_view name, const Layers& layers,
                                           Scope scope) {
  for (const Derived& row : derived) {
    if (row.name == name) return row.text(layers, scope);
  }
  return std::nullopt;
}

}  // namespace pennypost
