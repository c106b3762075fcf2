// Checks a configuration for settings that contradict each other.
//
// One function per rule; each names the setting, the line, the reason, and what would be right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/config/layers.h"

namespace pennypost {

struct Findings {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

/// Checks the rules across settings.
void check(const Config& config, const Layers& layers, Findings& findings);

/// What is wrong with a name that is no transport's, and which there are.
std::string no_transport(const Config& config, const std::string& name);

/// Finds settings that are legal but would do harm (harm.cpp): only warnings.
void check_harm(const Config& config, const Layers& layers, Findings& findings);

/// Finds settings that are given and have no effect (no_effect.cpp): only warnings.
void check_no_effect(const Config& config, const Layers& layers, Findings& findings);

/// True for the services that speak SMTP, false for those that serve mailboxes.
constexpr bool is_smtp(Service service) { return service <= Service::Submissions; }

/// Checks that the host has what the settings name: certificates and keys of these services,
/// accounts and groups (checked only by root). For `pennypost check` and a daemon's start, not for
/// sendmail. Each problem is `FILE:LINE: …`.
std::vector<std::string> check_host(const Config& config, const std::vector<Service>& services);

/// Why a daemon with these services has nothing to do on this host, with the remedy; nothing if it
/// has something to do.
std::optional<std::string> why_not_here(const Config& config, const std::vector<Service>& services);

/// Ports with implicit TLS need a certificate. Without one, ports at their default are turned off
/// with a warning; ports set by the admin are an error.
void check_implicit_tls(Layers& layers, Findings& findings);

}  // namespace pennypost
