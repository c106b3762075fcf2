// Checks a configuration for settings that contradict each other.
//
// One function a rule; each names the setting, the line, the reason, and what would be right.
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

/// Rules across settings.
void check(const Config& config, const Layers& layers, Findings& findings);

/// What is legal and would do harm (harm.cpp): warnings alone.
void check_harm(const Config& config, const Layers& layers, Findings& findings);

/// True for the services that speak SMTP, false for those that serve mailboxes.
constexpr bool is_smtp(Service service) { return service <= Service::Submissions; }

/// What the settings name but the host may lack: certificates and keys of these services, accounts
/// and groups (asked for only as root). For `pennypost check` and a daemon's start, not for
/// sendmail. Each `FILE:LINE: …`.
std::vector<std::string> check_host(const Config& config, const std::vector<Service>& services);

/// Why a daemon with these services has nothing to do on this host, with the remedy; nothing where
/// it has.
std::optional<std::string> why_not_here(const Config& config, const std::vector<Service>& services);

/// Ports that speak TLS from the first byte need a certificate: left at their default without one
/// they are turned off with a warning, set by the admin they are an error.
void check_implicit_tls(Layers& layers, Findings& findings);

}  // namespace pennypost
