#include "common/config/check.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/nearest.h"
#include "common/config/value_check.h"
#include "common/mail/public_suffix.h"
#include "common/mail/unique_id.h"

namespace pennypost {
namespace {

/// What a rule needs: the values, where they are from, and where to complain.
class Checker {
 public:
  Checker(const Config& config, const Layers& layers, Findings& findings)
      : config_(config), layers_(layers), findings_(findings) {}

  void run() {
    null_client();
    names();
    banner();
    interfaces();
    mail_place();
    relayhost();
    transports();
    own_services();
    tls();
    dane();
    values();
    unique_ids();
    deleted_flag();
    name_space();
    order();
    ports();
    restriction_classes();
    relay_restrictions();
  }

 private:
  /// Once, where services share the line.
  void error(std::string_view name, const std::string& what, Scope scope = {}) {
    std::string text = layers_.where(name, scope) + ": " + std::string(name) + ": " + what;
    auto& errors = findings_.errors;
    if (std::ranges::find(errors, text) == errors.end()) errors.push_back(std::move(text));
  }
  void warn(std::string_view name, const std::string& what) {
    findings_.warnings.push_back(layers_.where(name) + ": " + std::string(name) + ": " + what);
  }

  /// What UIDL shows is kept by clients for years: no other format takes the place of a wrong one.
  void unique_ids() {
    for (auto service : {Service::Pop3, Service::Pop3s}) {
      auto format = UniqueIdFormat::parse(config_.at(service).pop3_uidl_format);
      if (!format) return error("pop3_uidl_format", format.error().text());
    }
  }

  /// What DELE does must be possible, or QUIT would fail for everybody.
  void deleted_flag() {
    for (auto service : {Service::Pop3, Service::Pop3s}) {
      const auto& settings = config_.at(service);
      const std::string& flag = settings.pop3_deleted_flag;
      bool is_keyword = std::ranges::all_of(flag, [](char c) {
        return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\]").find(c) == std::string::npos;
      });
      if (!is_keyword) {
        return error("pop3_deleted_flag",
                     "\"" + printable(flag, 64) + "\" is no keyword of IMAP, such as POP3Deleted");
      }
      if (settings.pop3_delete_type == "flag" && flag.empty()) {
        return error("pop3_delete_type", "flag needs pop3_deleted_flag, such as POP3Deleted");
      }
    }
  }

  /// RFC 2342 section 5: the prefix is a whole level.
  void name_space() {
    std::string prefix = config_.namespace_prefix;
    std::string separator = config_.namespace_separator;
    if (separator == "default") separator = is_among_folders() ? "/" : ".";
    if (prefix.empty() || prefix.ends_with(separator)) return;
    error("namespace_prefix", "\"" + printable(prefix, 64) + "\" must end in the separator \"" +
                                  separator + "\"; write " + prefix + separator +
                                  ", or set namespace_separator");
  }

  /// Whether the folders of Maildirs are directories within each other.
  bool is_among_folders() const {
    for (std::string_view place : {config_.mail_location, config_.virtual_mail_location}) {
      if (place.starts_with("maildir:") && place.find(":LAYOUT=fs") != place.npos) return true;
    }
    return false;
  }

  /// A null client sends everything to its relayhost and keeps no mail.
  void null_client() {
    if (config_.role != Role::NullClient) return;
    if (!config_.mydestination.empty()) {
      error("mydestination",
            "a null client is final for no domain; leave it empty, or set role = \"destination\"");
    }
    if (!config_.virtual_mailbox_domains.empty()) {
      error("virtual_mailbox_domains",
            "a null client keeps no mail; leave it empty, or set role = \"destination\"");
    }
    if (config_.relayhost.empty()) {
      error("relayhost",
            "a null client needs the host that takes its mail; write relayhost = "
            "\"[smtp.example.com]\"");
    }
    if (!config_.local_transport.starts_with("error:")) {
      error("local_transport", "a null client delivers nothing itself; remove this setting");
    }
    for (const std::string& item : config_.inet_interfaces) {
      if (!is_loopback(item)) {
        error("inet_interfaces",
              "a null client takes mail from this host alone; write loopback-only, or set role = "
              "\"relay\"");
        break;
      }
    }
    for (std::string_view port : {"submission_port", "submissions_port"}) {
      if (config_.text(port) != "0") {
        error(
            port,
            "a null client has no users who log in; remove this setting, or set role = \"relay\"");
      }
    }
    if (std::ranges::any_of(config_.protocols, [](const auto& word) { return word != "none"; })) {
      error("protocols",
            "a null client keeps no mailboxes; remove this setting, or set role = \"destination\"");
    }
  }

  static bool is_loopback(std::string_view item) {
    return equal_nocase(item, "loopback-only") || equal_nocase(item, "localhost") ||
           item.starts_with("127.") || item == "::1" || item == "[::1]";
  }

  static bool is_hostname(std::string_view name) {
    constexpr std::size_t domain_bytes_max = 255;  // RFC 5321 section 4.5.3.1.2
    if (name.empty() || name.size() > domain_bytes_max) return false;
    for (std::string_view label : split(name, '.')) {
      if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
        return false;
      bool good = std::ranges::all_of(
          label, [](char c) { return is_alnum(c) || c == '-' || c == '_' || !is_ascii(c); });
      if (!good) return false;
    }
    return true;
  }

  void names() {
    if (!is_hostname(config_.myhostname)) {
      error("myhostname", "\"" + printable(config_.myhostname, 100) +
                              "\" is not a host name; write one like mail.example.com");
    } else if (config_.myhostname.find('.') == std::string::npos) {
      error("myhostname",
            "\"" + config_.myhostname + "\" has no domain; write one like mail.example.com");
    }
    if (!is_hostname(config_.mydomain)) {
      error("mydomain", "\"" + printable(config_.mydomain, 100) +
                            "\" is not a domain; write one like example.com");
    }
    own_domain();
    if (!config_.myorigin.starts_with('/') && !is_hostname(config_.myorigin)) {
      error("myorigin", "\"" + printable(config_.myorigin, 100) +
                            "\" is not a domain; write $myhostname or $mydomain");
    }
    for (const std::string& item : config_.mydestination) {
      if (!TableRef::is_table(item) && !is_hostname(item) && !item.starts_with('[') &&
          item[0] != '!') {
        error("mydestination", "\"" + printable(item, 100) + "\" is neither a domain nor a table");
      }
    }
  }

  struct Server {
    Scope scope;
    const Settings* settings;
  };
  /// The built-in services that speak SMTP, and those of the admin's own.
  std::vector<Server> smtp_servers() const {
    std::vector<Server> all;
    for (Service service : {Service::Smtp, Service::Submission, Service::Submissions}) {
      all.push_back({service, &config_.at(service)});
    }
    for (const auto& [title, section] : layers_.own_sections()) {
      if (section.service) all.push_back({Scope(section), config_.find_service(section.name)});
    }
    return all;
  }

  void banner() {
    for (const auto& [scope, settings] : smtp_servers()) {
      if (starts_with_nocase(settings->smtpd_banner, config_.myhostname)) continue;
      error("smtpd_banner", "must begin with $myhostname (RFC 5321 section 4.3.1)", scope);
    }
  }

  /// The host's values, and what the sections of its services give instead.
  void values() {
    for (std::string_view name : checked_values()) {
      value(name, {}, config_);
      ServiceSet services = parameters()[*find_parameter(name)].services;
      for (std::size_t s = 0; s < service_count; ++s) {
        auto service = static_cast<Service>(s);
        if ((services & bit(service)) != 0) value(name, service, config_.at(service));
      }
      for (const auto& [title, section] : layers_.own_sections()) {
        bool is_own =
            section.service ? (services & bit(*section.service)) != 0 : is_of_transports(name);
        if (!is_own) continue;
        value(name, Scope(section),
              section.service ? *config_.find_service(section.name)
                              : config_.of_transport(section.name));
      }
    }
  }

  /// A default can only be wrong by what it copies, and that is told of by itself.
  void value(std::string_view name, Scope scope, const Settings& settings) {
    if (!layers_.is_given(name, scope)) return;
    std::string problem = value_problem(name, settings);
    if (!problem.empty()) error(name, problem, scope);
  }

  /// What is legal, but would take or send mail in the name of others.
  void own_domain() {
    if (layers_.is_given("mydomain") && is_public_suffix(config_.mydomain)) {
      warn("mydomain", "\"" + config_.mydomain +
                           "\" is a domain under which others register theirs; this host would "
                           "send in its name, and as a destination take its mail; write your own, "
                           "like example.com");
    } else if (!layers_.is_given("mydomain") &&
               equal_nocase(config_.mydomain, config_.myhostname)) {
      warn("myhostname",
           "\"" + config_.myhostname +
               "\" is taken as the domain, too; if the host is one in a domain, write "
               "its full name, like mail.example.com, or set mydomain");
    }
  }

  void interfaces() {
    for (std::size_t s = 0; s < service_count; ++s) {
      const auto& list = config_.at(static_cast<Service>(s)).inet_interfaces;
      if (list.empty()) {
        error("inet_interfaces", "must not be empty; write all, loopback-only, or addresses");
        return;
      }
      for (const std::string& item : list) {
        if (is_hostname(item) || is_address_text(item)) continue;
        error("inet_interfaces", "\"" + printable(item, 100) +
                                     "\" is neither all, loopback-only, a name nor an address");
        return;
      }
    }
  }

  /// home_mailbox alone gives mail_location; both must lead to the same place.
  void mail_place() {
    place_form("mail_location", config_.mail_location);
    place_form("virtual_mail_location", config_.virtual_mail_location);
    if (!layers_.is_given("home_mailbox") || !layers_.is_given("mail_location")) return;
    if (config_.home_mailbox.empty()) return;
    std::string path = config_.home_mailbox;
    bool maildir = path.ends_with('/');
    if (maildir) path.pop_back();
    std::string location = config_.mail_location;
    while (location.ends_with('/')) location.pop_back();
    bool agree =
        maildir ? location == "maildir:~/" + path || location.starts_with("maildir:~/" + path + ":")
                : location.ends_with(":INBOX=~/" + path) || location == "mbox:~/" + path;
    if (!agree) {
      error("home_mailbox",
            "leads elsewhere than mail_location (" + layers_.where("mail_location") +
                "): mail would be delivered where nobody reads it; remove one of them");
    }
  }

  void place_form(std::string_view name, const std::string& location) {
    std::string_view rest = location;
    for (std::string_view format : {"maildir:", "mbox:"}) {
      if (!rest.starts_with(format)) continue;
      rest.remove_prefix(format.size());
      if (rest.starts_with("~/") || rest.starts_with('/')) {
        spool_slash(name, location);
        return;
      }
    }
    error(name,
          "\"" + printable(location, 100) +
              "\" is no place of mail; write maildir:~/Maildir or mbox:~/mail:INBOX=/var/mail/%u");
  }

  /// The slash between the spool directory and the user's name is easily forgotten.
  void spool_slash(std::string_view name, std::string_view location) {
    const std::string& spool = config_.mail_spool_directory;
    if (spool.empty() || spool.ends_with('/')) return;
    for (const char* user : {"%u", "%n"}) {
      if (location.find(spool + user) == location.npos) continue;
      error(name, "\"" + printable(spool, 100) + user +
                      "\" lies beside the spool directory, not in it; did you mean " +
                      printable(spool, 100) + "/" + user + "?");
    }
  }

  void relayhost() {
    relayhost("relayhost", config_.relayhost);
    bool is_other = config_.address_verify_relayhost != config_.relayhost;
    if (is_other) relayhost("address_verify_relayhost", config_.address_verify_relayhost);
  }
  void relayhost(std::string_view setting, const std::string& text) {
    std::string_view host = text;
    if (host.empty()) return;
    std::string remedy = "; write example.com, [smtp.example.com] or [smtp.example.com]:587";
    if (host.find_first_of(", \t") != host.npos) {
      error(setting, "names more than one host" + remedy);
      return;
    }
    if (host.starts_with('[')) {
      auto end = host.find(']');
      if (end == host.npos || end == 1) {
        error(setting, "\"" + printable(host, 100) + "\" has a [ without its ]" + remedy);
        return;
      }
      host.remove_prefix(end + 1);
      if (host.empty()) return;
    } else {
      auto colon = host.find(':');
      if (!is_hostname(host.substr(0, colon))) {
        error(setting, "\"" + printable(text, 100) + "\" is not a host" + remedy);
        return;
      }
      if (colon == host.npos) return;
      host.remove_prefix(colon);
    }
    auto port = host.starts_with(':') ? parse_number(host.substr(1)) : std::nullopt;
    bool service =
        host.size() > 1 && host[0] == ':' && std::ranges::all_of(host.substr(1), is_alnum) && !port;
    if (!service && (!port || *port == 0 || *port > 65535)) {
      error(setting, "\"" + printable(text, 100) + "\" has no valid port" + remedy);
    }
  }

  void transports() {
    for (std::string_view name : {"local_transport", "default_transport", "relay_transport",
                                  "virtual_transport", "mailbox_transport", "fallback_transport"}) {
      std::string_view text = config_.text(name);
      bool may_be_empty = name == "mailbox_transport" || name == "fallback_transport";
      if (text.empty() && may_be_empty) continue;
      transport(name, text);
    }
    for (std::string_view name :
         {"local_transport", "default_transport", "relay_transport", "virtual_transport"}) {
      std::string verifying = "address_verify_" + std::string(name);
      std::string_view text = config_.text(verifying);
      if (text != config_.text(name)) transport(verifying, text);
    }
    for (const auto& [scope, settings] : smtp_servers()) {
      if (!settings->content_filter.empty()) {
        transport("content_filter", settings->content_filter, scope);
      }
    }
    for (const auto& name : config_.defer_transports) transport("defer_transports", name);
  }

  void transport(std::string_view setting, std::string_view text, Scope scope = {}) {
    std::string name(trim(text.substr(0, text.find(':'))));
    if (!config_.is_transport(name)) error(setting, no_transport(config_, name), scope);
  }

  /// Each has a port of its own, and a certificate if it begins with TLS.
  void own_services() {
    const std::vector<Service> kinds{Service::Smtp,  Service::Submission, Service::Submissions,
                                     Service::Pop3,  Service::Pop3s,      Service::Imap,
                                     Service::Imaps, Service::Sieve};
    auto all = config_.listening(kinds);
    for (std::size_t i = service_count; i < all.size(); ++i) {
      const auto& own = all[i];
      if (own.is_lmtp && !own.settings->smtpd_proxy_filter.empty()) {
        findings_.errors.push_back(own.where + ": service." + own.name +
                                   ".smtpd_proxy_filter: gives one answer for a whole message, "
                                   "LMTP one for each recipient; write content_filter");
      }
      for (std::size_t k = service_count; own.socket != nullptr && k < i; ++k) {
        if (all[k].socket == nullptr || all[k].socket->path != own.socket->path) continue;
        findings_.errors.push_back(own.where + ": service." + own.name +
                                   ".socket: " + own.socket->path + " is the socket of " +
                                   all[k].name + ", too; give each a path of its own");
      }
      std::string about = own.where + ": service." + own.name + ".port: ";
      bool lacks_certificate = is_implicit_tls(own.kind) &&
                               own.settings->smtpd_tls_cert_file.empty() &&
                               own.settings->smtpd_tls_chain_files.empty();
      if (own.port != 0 && lacks_certificate) {
        findings_.errors.push_back(
            about + "this port speaks TLS and there is no certificate; set smtpd_tls_cert_file");
      }
      for (std::size_t k = 0; k < i; ++k) {
        bool is_same = own.port != 0 && own.port == all[k].port;
        if (!is_same || !share_an_address(*own.settings, *all[k].settings)) continue;
        findings_.errors.push_back(about + std::to_string(own.port) + " is the port of " +
                                   all[k].name + ", too, on the same address; give each a port " +
                                   "of its own, or other inet_interfaces");
      }
    }
  }

  /// A login by certificate that can never succeed would be found out by nobody.
  void client_certificates() {
    if (config_.ssl_verify_client_cert && config_.ssl_ca.empty()) {
      error("ssl_verify_client_cert", "nobody vouches for client certificates; set ssl_ca");
    }
    if (config_.auth_ssl_require_client_cert && !config_.ssl_verify_client_cert) {
      error("auth_ssl_require_client_cert",
            "clients are not asked for certificates; set ssl_verify_client_cert = \"yes\"");
    }
  }

  void tls() {
    for (const auto& [scope, settings] : smtp_servers()) {
      bool needs = settings->smtpd_tls_security_level != "none";
      bool has_certificate =
          !settings->smtpd_tls_cert_file.empty() || !settings->smtpd_tls_chain_files.empty();
      if (needs && !has_certificate && layers_.is_given("smtpd_tls_security_level", scope)) {
        findings_.errors.push_back(layers_.where("smtpd_tls_security_level", scope) +
                                   ": smtpd_tls_security_level: TLS needs a certificate; set "
                                   "smtpd_tls_cert_file and smtpd_tls_key_file");
        break;
      }
    }
    client_certificates();
    if (config_.ssl != "no" && config_.ssl_cert.empty() && layers_.is_given("ssl")) {
      error("ssl", "TLS needs a certificate; set ssl_cert and ssl_key, or ssl = \"no\"");
    }
  }

  /// DANE without DNSSEC would be TLS that an attacker can choose.
  void dane() {
    if (config_.smtp_dns_support_level == "dnssec") return;
    for (std::string_view name : {"smtp_tls_security_level", "lmtp_tls_security_level"}) {
      const std::string& level = config_.text(name);
      if (level != "dane" && level != "dane-only") continue;
      error(name, level + " needs DNSSEC; write smtp_dns_support_level = \"dnssec\"");
    }
  }

  void order() {
    if (config_.default_verp_delimiters.find_first_not_of(config_.verp_delimiter_filter) !=
        std::string::npos) {
      error("default_verp_delimiters", "has a character that verp_delimiter_filter (" +
                                           config_.verp_delimiter_filter + ") does not allow");
    }
    if (config_.minimal_backoff_time > config_.maximal_backoff_time) {
      error("minimal_backoff_time", "is longer than maximal_backoff_time (" +
                                        duration_text(config_.maximal_backoff_time) + ")");
    }
    if (!config_.last_valid_uid.allows(config_.first_valid_uid)) {
      error("last_valid_uid", "is below first_valid_uid (" +
                                  std::to_string(config_.first_valid_uid) +
                                  "); no user would have mail");
    }
    const Settings& smtp = config_.at(Service::Smtp);
    if (smtp.smtpd_soft_error_limit > smtp.smtpd_hard_error_limit) {
      error("smtpd_soft_error_limit", "is above smtpd_hard_error_limit");
    }
    Limit mailbox = config_.mailbox_size_limit;
    Limit largest = smtp.message_size_limit;
    if (!mailbox.is_none() && (largest.is_none() || !mailbox.allows(largest.value()))) {
      bool message =
          layers_.is_given("message_size_limit") && !layers_.is_given("mailbox_size_limit");
      if (message)
        error("message_size_limit",
              "is above mailbox_size_limit; lower it, or raise that or write 0");
      if (!message) error("mailbox_size_limit", "is below message_size_limit; raise it or write 0");
    }
  }

  struct Port {
    std::string_view name;
    Service service;
    std::string_view protocol;  // which must be among `protocols`; empty: smtpd's
  };

  bool is_served(const Port& port) const {
    if (config_.port(port.service) == 0) return false;
    return port.protocol.empty() || holds(config_.protocols, port.protocol);
  }

  static bool share_an_address(const Settings& one, const Settings& other) {
    const auto& ours = one.inet_interfaces;
    const auto& theirs = other.inet_interfaces;
    if (holds(ours, "all") || holds(theirs, "all")) return true;
    return std::ranges::any_of(
        ours, [&](const auto& item) { return std::ranges::find(theirs, item) != theirs.end(); });
  }

  /// Two services can't share a port of an address.
  void ports() {
    if (holds(config_.protocols, "sieve") && !holds(config_.protocols, "imap")) {
      error("protocols",
            "sieve is served beside imap; name imap, too (imap_port = 0 and imaps_port = 0 close "
            "its ports)");
    }
    constexpr std::array all{Port{"smtp_port", Service::Smtp, ""},
                             Port{"submission_port", Service::Submission, ""},
                             Port{"submissions_port", Service::Submissions, ""},
                             Port{"pop3_port", Service::Pop3, "pop3"},
                             Port{"pop3s_port", Service::Pop3s, "pop3"},
                             Port{"imap_port", Service::Imap, "imap"},
                             Port{"imaps_port", Service::Imaps, "imap"},
                             Port{"sieve_port", Service::Sieve, "sieve"}};
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        bool is_same = config_.port(all[i].service) == config_.port(all[k].service);
        if (!is_same || !is_served(all[i]) || !is_served(all[k])) continue;
        if (!share_an_address(config_.at(all[i].service), config_.at(all[k].service))) continue;
        bool is_later = layers_.is_given(all[i].name) || !layers_.is_given(all[k].name);
        const Port& ours = is_later ? all[i] : all[k];
        const Port& theirs = is_later ? all[k] : all[i];
        error(ours.name, std::to_string(config_.port(ours.service)) + " is the port of " +
                             std::string(theirs.name) +
                             ", too, on the same address; give each a port of its own, or 0");
      }
    }
  }

  /// Each class has a name of its own and a list, and comes to an end.
  void restriction_classes() {
    for (const std::string& name : config_.smtpd_restriction_classes) {
      bool is_taken = find_parameter(name) || find_restriction(lower(name)) != nullptr;
      auto given = layers_.classes().find(name);
      if (is_taken) {
        error("smtpd_restriction_classes",
              "\"" + name + "\" is a name of Pennypost's own; take another");
      } else if (given == layers_.classes().end()) {
        error("smtpd_restriction_classes", "\"" + printable(name, 100) + "\" has no list; write " +
                                               printable(name, 100) + " = \"...\"");
      }
    }
    for (const auto& [name, list] : config_.restriction_classes) {
      std::string problem = class_problem(list, config_.smtpd_restriction_classes);
      if (problem.empty()) problem = class_problem(config_.restriction_classes, name);
      if (problem.empty()) continue;
      findings_.errors.push_back(layers_.classes().at(name).where + ": " + name + ": " + problem);
    }
  }

  /// Whether a list, or a class in it, refuses whatever no earlier item has permitted.
  bool stops_relaying(const std::vector<Restriction>& list, int depth = 0) const {
    constexpr std::array stops{"reject", "defer", "defer_if_permit", "reject_unauth_destination",
                               "defer_unauth_destination"};
    return std::ranges::any_of(list, [&](const Restriction& item) {
      if (item.name != "restriction_class") {
        return std::ranges::find(stops, item.name) != stops.end();
      }
      auto found = config_.restriction_classes.find(item.argument);
      return depth < restriction_depth_max && found != config_.restriction_classes.end() &&
             stops_relaying(found->second, depth + 1);
    });
  }

  /// Postfix refuses to take mail where nothing would stop a relay; so do we.
  void relay_restrictions() {
    for (const auto& [scope, settings] : smtp_servers()) {
      bool safe = stops_relaying(settings->smtpd_relay_restrictions) ||
                  stops_relaying(settings->smtpd_recipient_restrictions);
      if (safe) continue;
      findings_.errors.push_back(
          layers_.where("smtpd_relay_restrictions", scope) +
          ": smtpd_relay_restrictions: neither it nor smtpd_recipient_restrictions holds "
          "reject_unauth_destination, so this would be an open relay; add it");
      return;
    }
  }

  const Config& config_;
  const Layers& layers_;
  Findings& findings_;
};

}  // namespace

std::string no_transport(const Config& config, const std::string& name) {
  std::string known = "local, virtual, smtp, lmtp, relay, error, retry, discard";
  for (const auto& [own, transport] : config.transports()) known += ", " + own;
  return "\"" + printable(name, 100) + "\" is no transport; there are " + known +
         " (one of your own is a section [transport.NAME])";
}

void check(const Config& config, const Layers& layers, Findings& findings) {
  Checker(config, layers, findings).run();
  check_harm(config, layers, findings);
  check_no_effect(config, layers, findings);
}

}  // namespace pennypost
