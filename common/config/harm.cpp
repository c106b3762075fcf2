// Warns of settings that are legal but harmful: open relaying, mail loops, mail that nobody can
// send, or reports of nothing.
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

  bool hears_others() const {
    auto is_loopback = [](const std::string& item) {
      return equal_nocase(item, "loopback-only") || equal_nocase(item, "localhost") ||
             item.starts_with("127.") || item == "::1" || item == "[::1]";
    };
    const auto& interfaces = config_.at(Service::Smtp).inet_interfaces;
    return config_.smtp_port != 0 && !std::ranges::all_of(interfaces, is_loopback);
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
  void nothing_to_report() {
    if (!config_.dmarc_reports) return;
    if (holds(config_.at(Service::Smtp).mailauth_checks, "dmarc")) return;
    warn("dmarc_reports",
         "there is nothing to report, since mailauth_checks does not have dmarc; add it, or write "
         "dmarc_reports = no");
  }

  /// One warning for all: whoever comes from Postfix has many.
  void other_table_types() {
    for (const auto& parameter : parameters()) {
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
