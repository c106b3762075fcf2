// Provides the table of all settings, searched by name.
//
// The rows are those of parameters.def, sorted by name. A row's position is its index wherever one
// text is kept per setting.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/config/kinds.h"
#include "common/config/types.h"

namespace pennypost {

/// A set of services, one bit each: those that may have their own value of a setting.
using ServiceSet = unsigned;
constexpr ServiceSet bit(Service service) { return 1U << static_cast<unsigned>(service); }

namespace service_sets {
inline constexpr ServiceSet Host = 0;
inline constexpr ServiceSet SmtpServer =
    bit(Service::Smtp) | bit(Service::Submission) | bit(Service::Submissions);
inline constexpr ServiceSet Pop = bit(Service::Pop3) | bit(Service::Pop3s);
inline constexpr ServiceSet Imap = bit(Service::Imap) | bit(Service::Imaps);
inline constexpr ServiceSet Sieve = bit(Service::Sieve);
inline constexpr ServiceSet PopImap = Pop | Imap | Sieve;
inline constexpr ServiceSet AuthServer = SmtpServer | PopImap;
inline constexpr ServiceSet Every = AuthServer;
}  // namespace service_sets

/// One row of parameters.def.
struct Parameter {
  std::string_view name;
  std::string_view kind;     ///< the notation's name in kinds.h, such as `Duration`
  std::string_view measure;  ///< what it measures: `number`, `size`, `time`; otherwise empty
  std::string_view default_text;
  ServiceSet services;
  Range range;
  std::string_view description;
};

/// All rows, sorted by name.
std::span<const Parameter> parameters();

/// The position of a setting in parameters(); nothing if there is no such setting.
std::optional<std::size_t> find_parameter(std::string_view name);

/// `unknown setting "relay_host"; did you mean relayhost?`
std::string unknown_parameter(std::string_view name);

/// The default that a role gives a setting, if it differs from the built-in one.
std::optional<std::string_view> role_default(Role role, std::string_view name);

/// The default that a service gives a setting, if it differs from the host's.
std::optional<std::string_view> service_default(Service service, std::string_view name);

}  // namespace pennypost
