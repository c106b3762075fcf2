#include "common/config/parameter.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/nearest.h"
#include "common/config/peer_settings.h"

namespace pennypost {
namespace {

using namespace kinds;         // NOLINT: the rows' words
using namespace service_sets;  // NOLINT: the rows' words

// All of Postfix's names, since its default has them; those that are not settings here do no harm.
constexpr const char* subdomain_matchers =
    "relay_domains|smtpd_access_maps|transport_maps|virtual_alias_domains|debug_peer_list|"
    "fast_flush_domains|mynetworks|permit_mx_backup_networks|qmqpd_authorized_clients";
constexpr const char* syslog_facilities =
    "mail|daemon|local0|local1|local2|local3|local4|local5|local6|local7";

/// As in Postfix, for some settings: `maximal_queue_lifetime = 5` means five days.
constexpr Range in_days(Range range) { return {range.min, range.max, "d"}; }
constexpr Range in_hours(Range range) { return {range.min, range.max, "h"}; }
/// For settings that popd and imapd have only once, for all their ports.
constexpr ServiceSet Imapd = bit(Service::Imap);
constexpr ServiceSet PopdImapd = bit(Service::Pop3) | Imapd;

/// The name of a setting, from that of its row.
constexpr std::string_view name_of(std::string_view member) {
  return member.substr(member.starts_with('_') ? 1 : 0);
}

constexpr Parameter table[] = {
#define PARAMETER(kind, name, default_text, services, range, description)                         \
  Parameter{name_of(#name), #kind,      kinds::measure_of<kinds::kind>(), default_text, services, \
            range,          description},
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};
static_assert(std::ranges::is_sorted(table, {}, &Parameter::name), "find_parameter() halves");

struct RoleDefault {
  Role role;
  std::string_view name;
  std::string_view text;
};
constexpr RoleDefault role_defaults[] = {
#define PARAMETER(kind, name, default_text, services, range, description)
#define ROLE_DEFAULT(role, name, text) RoleDefault{Role::role, #name, text},
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};

struct ServiceDefault {
  Service service;
  std::string_view name;
  std::string_view text;
};
constexpr ServiceDefault service_defaults[] = {
#define PARAMETER(kind, name, default_text, services, range, description)
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text) ServiceDefault{Service::service, #name, text},
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};

/// Whether every role or service default names a setting, and a service of that setting.
constexpr bool defaults_are_settings() {
  for (const RoleDefault& row : role_defaults) {
    if (!std::ranges::binary_search(table, row.name, {}, &Parameter::name)) return false;
  }
  for (const ServiceDefault& row : service_defaults) {
    auto found = std::ranges::lower_bound(table, row.name, {}, &Parameter::name);
    if (found == std::end(table) || found->name != row.name) return false;
    if ((found->services & bit(row.service)) == 0) return false;
  }
  return true;
}
static_assert(defaults_are_settings());

}  // namespace

std::span<const Parameter> parameters() { return table; }

std::optional<std::size_t> find_parameter(std::string_view name) {
  auto found = std::ranges::lower_bound(table, name, {}, &Parameter::name);
  if (found == std::end(table) || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(table));
}

std::string unknown_parameter(std::string_view name) {
  if (auto peers = find_peer_setting(name)) {
    return "\"" + std::string(name) + "\" is no setting of Pennypost; " +
           std::string(peers->remark);
  }
  return "unknown setting \"" + printable(name, 100) + "\"" +
         nearest_hint(lower(name), parameters(), &Parameter::name);
}

std::optional<std::string_view> role_default(Role role, std::string_view name) {
  for (const RoleDefault& row : role_defaults) {
    if (row.role == role && row.name == name) return row.text;
  }
  return std::nullopt;
}

std::optional<std::string_view> service_default(Service service, std::string_view name) {
  for (const ServiceDefault& row : service_defaults) {
    if (row.service == service && row.name == name) return row.text;
  }
  return std::nullopt;
}

}  // namespace pennypost
