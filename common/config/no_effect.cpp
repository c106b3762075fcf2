// Warns of settings that are given and have no effect, since what they are for is off.
//
// One row per pair. What a whole service has of its own (imap_…, postscreen_…) is warned of where
// the host does not offer that service.
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/check.h"

namespace pennypost {
namespace {

/// `setting` is read only where `needed` has another value than `off`.
struct Row {
  std::string_view setting;
  std::string_view needed;
  std::string_view off;
  std::string_view remedy;
};
constexpr std::array rows{
    Row{"arc_sealing_domain", "arc_sealing", "no", "set arc_sealing = true"},
    Row{"dkim_key_directory", "dkim_signing", "no", "set dkim_signing = true"},
    Row{"dmarc_report_organization", "dmarc_reports", "no", "set dmarc_reports = true"},
    Row{"dmarc_report_sender", "dmarc_reports", "no", "set dmarc_reports = true"},
    Row{"masquerade_classes", "masquerade_domains", "", "set masquerade_domains"},
    Row{"masquerade_exceptions", "masquerade_domains", "", "set masquerade_domains"},
    Row{"metrics_address", "metrics_port", "0", "set metrics_port"},
    Row{"recipient_canonical_classes", "recipient_canonical_maps", "",
        "set recipient_canonical_maps"},
    Row{"relay_recipient_maps", "relay_domains", "", "name the domains in relay_domains"},
    Row{"sender_canonical_classes", "sender_canonical_maps", "", "set sender_canonical_maps"},
    Row{"smtp_sasl_password_maps", "smtp_sasl_auth_enable", "no",
        "set smtp_sasl_auth_enable = true"},
    Row{"smtp_tls_key_file", "smtp_tls_cert_file", "", "set smtp_tls_cert_file"},
    Row{"smtpd_tls_key_file", "smtpd_tls_cert_file", "", "set smtpd_tls_cert_file"},
    Row{"srs_exempt_domains", "srs_domain", "", "set srs_domain"},
    Row{"ssl_key", "ssl_cert", "", "set ssl_cert"},
    Row{"virtual_alias_domains", "virtual_alias_maps", "",
        "without virtual_alias_maps all their mail is refused; set them"},
};

class Finder {
 public:
  Finder(const Config& config, const Layers& layers, Findings& findings)
      : config_(config), layers_(layers), findings_(findings) {}

  void run() {
    for (const Row& row : rows) without(row);
    postscreen();
    absent_services();
    unnamed_aliases();
  }

 private:
  void warn(std::string_view name, const std::string& what) {
    findings_.warnings.push_back(config_.where(name) + ": " + std::string(name) +
                                 ": has no effect" + what);
  }

  bool is_given(std::string_view name) const {
    return layers_.is_given(name) && !config_.text(name).empty();
  }

  void without(const Row& row) {
    if (!find_parameter(row.setting) || !find_parameter(row.needed)) return;
    if (!is_given(row.setting) || config_.text(row.needed) != row.off) return;
    // A service may have what the host has not.
    ServiceSet services = parameters()[*find_parameter(row.needed)].services;
    for (std::size_t s = 0; s < service_count; ++s) {
      auto service = static_cast<Service>(s);
      bool has_own = (services & bit(service)) != 0 && config_.text(row.needed, service) != row.off;
      if (has_own) return;
    }
    std::string state(row.needed);
    state += row.off.empty() ? " is empty" : " = " + std::string(row.off);
    warn(row.setting, ", since " + state + "; " + std::string(row.remedy));
  }

  void postscreen() {
    constexpr std::string_view enable = "postscreen_enable";
    if (!find_parameter(enable) || config_.text(enable, Service::Smtp) != "no") return;
    for (const auto& parameter : parameters()) {
      bool is_of_it = parameter.name.starts_with("postscreen_") && parameter.name != enable;
      if (!is_of_it || !is_given(parameter.name)) continue;
      warn(parameter.name, ", since postscreen_enable = no; set postscreen_enable = true");
      return;
    }
  }

  /// One warning for each kind of service, at the first of its settings.
  void absent_services() {
    struct Kind {
      ServiceSet services;
      std::vector<Service> all;
      std::string_view what;
    };
    const Kind kinds[] = {
        {service_sets::Imap, {Service::Imap, Service::Imaps}, "IMAP"},
        {service_sets::Pop, {Service::Pop3, Service::Pop3s}, "POP3"},
        {service_sets::Sieve, {Service::Sieve}, "ManageSieve"},
    };
    for (const auto& kind : kinds) {
      if (!why_not_here(config_, kind.all)) continue;
      for (const auto& parameter : parameters()) {
        if (parameter.services != kind.services || !is_given(parameter.name)) continue;
        warn(parameter.name, ", since this host does not offer " + std::string(kind.what) +
                                 (config_.role == Role::Destination
                                      ? "; see protocols and its ports"
                                      : "; remove it, or set role = \"destination\""));
        break;
      }
    }
  }

  /// newaliases builds what nobody reads.
  void unnamed_aliases() {
    if (!is_given("alias_database")) return;
    const std::string maps = config_.text("alias_maps");
    for (const auto& table : config_.alias_database) {
      if (maps.find(table.substr(table.find(':') + 1)) != maps.npos) continue;
      warn("alias_database", " on mail: newaliases builds " + table +
                                 ", which alias_maps does not name; add it there");
      return;
    }
  }

  const Config& config_;
  const Layers& layers_;
  Findings& findings_;
};

}  // namespace

void check_no_effect(const Config& config, const Layers& layers, Findings& findings) {
  Finder(config, layers, findings).run();
}

}  // namespace pennypost
