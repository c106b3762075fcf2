// Warns of settings that are legal but harmful: open relaying, mail loops, mail that nobody can
// send, or reports of nothing.
// send, passwords and mail in the clear, and what is for tests alone.
//
// One function per rule; each names the setting, its line, and the harm.
#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/check.h"
#include "common/config/table_types.h"

namespace pennypost {
namespace {

// No organization's network has a shorter prefix.
constexpr std::uint64_t prefix4_bits_least = 8;
constexpr std::uint64_t prefix6_bits_least = 16;

class HarmFinder {
 public:
  HarmFinder(const Config& config, const Layers& layers, Findings& findings)
      : config_(config), layers_(layers), findings_(findings) {}

  void run() {
    wide_networks();
    circle();
    // In the order in which they take precedence.
    const DomainClass classes[] = {
        {"mydestination", config_.mydestination},
        {"virtual_alias_domains", config_.virtual_alias_domains},
        {"virtual_mailbox_domains", config_.virtual_mailbox_domains},
        {"relay_domains", config_.relay_domains},
    };
    for (std::size_t later = 1; later < std::size(classes); ++later) {
      for (std::size_t first = 0; first < later; ++first) {
        two_classes(classes[first], classes[later]);
      }
    }
    no_role();
    no_login();
    no_screen();
    nothing_to_report();
    passwords_in_the_clear();
    mail_in_the_clear();
    for_tests_alone();
    unknown_recipients();
    other_table_types();
  }

 private:
  void warn(std::string_view name, const std::string& what) {
    findings_.warnings.push_back(config_.where(name) + ": " + std::string(name) + ": " + what);
  }

  void wide_networks() {
    for (const auto& item : config_.mynetworks) {
      auto slash = item.rfind('/');
      if (slash == item.npos || item.starts_with('!') || TableRef::is_table(item)) continue;
      auto bits = parse_number(std::string_view(item).substr(slash + 1));
      bool is_ip6 = item.find(':') != item.npos;
      if (!bits || *bits >= (is_ip6 ? prefix6_bits_least : prefix4_bits_least)) continue;
      warn("mynetworks", item +
                             " holds a large part of the Internet, whose hosts may all send "
                             "mail to everybody through this one; write your own networks");
      return;
    }
  }

  struct Hop {
    std::string_view host;
    std::string_view port;
  };
  /// Parses `[smtp.example.com]:587`; brackets and port are optional.
  static Hop hop_of(std::string_view text) {
    bool is_bracketed = text.starts_with('[');
    auto end = text.find(is_bracketed ? ']' : ':');
    if (end == text.npos) return {text, ""};
    Hop hop{text.substr(is_bracketed ? 1 : 0, is_bracketed ? end - 1 : end), ""};
    auto colon = text.find(':', end);
    if (colon != text.npos) hop.port = text.substr(colon + 1);
    return hop;
  }

  /// A relayhost that is this host, so that all mail would come back to it.
  void circle() {
    auto hop = hop_of(config_.relayhost);
    if (hop.host.empty() || !is_this_host(hop.host)) return;
    auto port = parse_number(hop.port).value_or(config_.smtp_target_port);
    if (port != config_.smtp_port) return;
    warn("relayhost", "\"" + config_.relayhost +
                          "\" is this host itself: its mail would come back to it; name the host "
                          "that takes it, or leave it empty");
  }

  bool is_this_host(std::string_view host) const {
    if (equal_nocase(host, config_.myhostname) || equal_nocase(host, "localhost")) return true;
    if (host.starts_with("127.") || host == "::1") return true;
    return std::ranges::any_of(layers_.system().interfaces,
                               [&](const auto& one) { return one.address == host; });
  }

  struct DomainClass {
    std::string_view name;
    const std::vector<std::string>& domains;
  };
  /// Postfix warns of this, too: the first list takes precedence, so the later has no effect.
  void two_classes(const DomainClass& first, const DomainClass& later) {
    for (const auto& domain : later.domains) {
      bool is_name = !TableRef::is_table(domain) && !domain.starts_with('!');
      bool is_both = is_name && std::ranges::any_of(first.domains, [&](const auto& own) {
                       return equal_nocase(own, domain);
                     });
      if (!is_both) continue;
      warn(later.name, domain + " is in " + std::string(first.name) + " as well, so " +
                           std::string(later.name) +
                           " has no effect for it; remove it from one of them");
    }
  }

  static bool is_loopback_alone(const std::vector<std::string>& interfaces) {
    return std::ranges::all_of(interfaces, [](const std::string& item) {
      return equal_nocase(item, "loopback-only") || equal_nocase(item, "localhost") ||
             item.starts_with("127.") || item == "::1" || item == "[::1]";
    });
  }
  bool hears_others() const {
    return config_.smtp_port != 0 && !is_loopback_alone(config_.at(Service::Smtp).inet_interfaces);
  }

  /// With default settings, such a host accepts mail only for its own name.
  void no_role() {
    if (config_.role != Role::None || !hears_others()) return;
    for (std::string_view name :
         {"mydestination", "relay_domains", "virtual_alias_domains", "virtual_alias_maps",
          "virtual_mailbox_domains", "virtual_mailbox_maps"}) {
      if (layers_.is_given(name)) return;
    }
    warn("inet_interfaces",
         "other hosts may send mail here, and no setting says what for: mail "
         "for " +
             config_.mydomain +
             " is refused; set role = \"destination\" or \"relay\", or "
             "mydestination");
  }

  /// AUTH is offered only after TLS, and there is no certificate.
  void no_login() {
    const Settings& submission = config_.at(Service::Submission);
    if (config_.submission_port == 0 || !submission.smtpd_tls_auth_only) return;
    bool has_certificate =
        !submission.smtpd_tls_cert_file.empty() || !submission.smtpd_tls_chain_files.empty();
    if (submission.smtpd_tls_security_level != "none" && has_certificate) return;
    warn("submission_port", "nobody can log in on port " + std::to_string(config_.submission_port) +
                                ", since passwords are accepted only with TLS and there is no "
                                "certificate; set smtpd_tls_cert_file and smtpd_tls_key_file, or "
                                "submission_port = 0");
  }

  /// Whoever comes from Postfix has turned postscreen on in master.cf, which is not read.
  void no_screen() {
    for (const auto& service : config_.listening({Service::Smtp})) {
      if (service.settings->postscreen_enable) return;
    }
    for (const auto& parameter : parameters()) {
      if (!parameter.name.starts_with("postscreen_")) continue;
      bool is_set = !config_.where(parameter.name).starts_with("default of ");
      if (!is_set || parameter.name == "postscreen_enable") continue;
      warn(parameter.name,
           "has no effect while postscreen_enable = no; set postscreen_enable = yes");
      return;
    }
  }

  void nothing_to_report() {
    if (!config_.dmarc_reports) return;
    if (holds(config_.at(Service::Smtp).mailauth_checks, "dmarc")) return;
    warn("dmarc_reports",
         "there is nothing to report, since mailauth_checks does not have dmarc; add it, or write "
         "dmarc_reports = no");
  }

  bool is_given_as(std::string_view name, Scope scope, std::string_view text) const {
    return layers_.is_given(name, scope) && layers_.value(name, scope) == text;
  }
  void warn_at(std::string_view name, Scope scope, const std::string& what) {
    findings_.warnings.push_back(layers_.where(name, scope) + ": " + std::string(name) + ": " +
                                 what);
  }

  void passwords_in_the_clear() {
    for (Service service : {Service::Imap, Service::Pop3}) {
      auto implicit = service == Service::Imap ? Service::Imaps : Service::Pop3s;
      if (config_.port(service) == 0 || why_not_here(config_, {service, implicit})) continue;
      if (is_loopback_alone(config_.at(service).inet_interfaces)) continue;
      if (!is_given_as("disable_plaintext_auth", service, "no")) continue;
      warn_at("disable_plaintext_auth", service,
              "passwords may come over the network in the clear; remove it, and set ssl_cert");
      break;
    }
    for (Service service : {Service::Submission, Service::Smtp}) {
      const Settings& settings = config_.at(service);
      if (config_.port(service) == 0 || is_loopback_alone(settings.inet_interfaces)) continue;
      bool takes_all =
          settings.smtpd_sasl_auth_enable && is_given_as("smtpd_tls_auth_only", service, "no");
      if (!takes_all) continue;
      warn_at("smtpd_tls_auth_only", service,
              "passwords may come over the network in the clear; remove it");
      break;
    }
    bool sends_all =
        config_.smtp_sasl_auth_enable && layers_.is_given("smtp_sasl_security_options") &&
        config_.text("smtp_sasl_security_options").find("noplaintext") == std::string::npos;
    bool may_be_clear =
        config_.smtp_tls_security_level == "none" || config_.smtp_tls_security_level == "may";
    if (sends_all && may_be_clear) {
      warn("smtp_sasl_security_options",
           "the password goes to the other server in the clear where TLS fails; write "
           "smtp_tls_security_level = \"encrypt\"");
    }
  }

  void mail_in_the_clear() {
    if (is_given_as("smtp_tls_security_level", {}, "none")) {
      warn("smtp_tls_security_level",
           "all mail leaves in the clear; write may, which uses TLS where the other host has it");
    }
    if (hears_others() && is_given_as("smtpd_tls_security_level", {}, "none")) {
      warn("smtpd_tls_security_level",
           "other hosts can't send by TLS; write may, and set smtpd_tls_cert_file");
    }
  }

  void for_tests_alone() {
    if (config_.soft_bounce) {
      warn("soft_bounce",
           "nothing is refused for good, so that senders hear of a wrong address only days later; "
           "it is for trying settings out: remove it");
    }
    if (is_given_as("mynetworks_style", {}, "class")) {
      warn("mynetworks_style",
           "class takes in strangers who share the first part of this host's address, and all of "
           "them may send through it; write host, or subnet");
    }
  }

  /// Mail that is accepted and then comes back to a forged sender gets a host onto block lists.
  void unknown_recipients() {
    bool takes_any = hears_others() && is_given_as("smtpd_reject_unlisted_recipient", {}, "no");
    if (!takes_any) return;
    warn("smtpd_reject_unlisted_recipient",
         "mail for unknown users is taken, and its bounces go to forged senders; remove it");
  }

  /// One warning for all: whoever comes from Postfix has many. A default that repeats another
  /// setting's tables needs none of its own.
  void other_table_types() {
    for (const auto& parameter : parameters()) {
      if (config_.where(parameter.name).starts_with("default of ")) continue;
      std::string text = config_.text(parameter.name);
      for (auto word : words(text, ", \t{}")) {
        auto colon = word.find(":/");
        auto type = type_read_instead_of(word.substr(0, colon));
        if (colon == word.npos || type.empty()) continue;
        std::string table = std::string(type) + std::string(word.substr(colon));
        warn(parameter.name, std::string(word) + " is read as " + table +
                                 ", which postmap builds from the same source; run postmap " +
                                 table + " and write it so");
        return;
      }
    }
  }

  const Config& config_;
  const Layers& layers_;
  Findings& findings_;
};

}  // namespace

void check_harm(const Config& config, const Layers& layers, Findings& findings) {
  HarmFinder(config, layers, findings).run();
}

}  // namespace pennypost
