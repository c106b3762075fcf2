// The values that settings have, beyond numbers and text: tables, roles and services.
//
// Each is the value of a notation in kinds.h. Two values are equal if their source texts are equal.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

/// The listeners whose settings may differ: `[service.submission]` in main.toml.
enum class Service { Smtp, Submission, Submissions, Pop3, Pop3s, Imap, Imaps, Sieve };

inline constexpr std::array service_names{"smtp",  "submission", "submissions", "pop3",
                                          "pop3s", "imap",       "imaps",       "sieve"};
inline constexpr std::size_t service_count = service_names.size();

/// The name of a service, as in main.toml.
constexpr std::string_view name_of(Service service) {
  return service_names[static_cast<std::size_t>(service)];
}
/// True for services that begin with a TLS handshake: submissions, pop3s, imaps.
constexpr bool is_implicit_tls(Service service) {
  return service == Service::Submissions || service == Service::Pop3s || service == Service::Imaps;
}
std::optional<Service> parse_service(std::string_view name);

/// What a host is; only changes defaults and is checked for contradictions.
enum class Role { None, NullClient, Relay, Destination };

/// `null-client`, `relay`, `destination`; empty for None.
std::string_view name_of(Role role);

/// A look-up table as named in settings: `hash:/etc/aliases`, `inline:{a=b, c=d}`, `unionmap:{…,
/// …}`. A bare `/path` means `hash:/path`, as with Postfix's default_database_type = hash.
struct TableRef {
  std::string type;  ///< `hash`, `texthash`, `inline`, …; empty: no table
  std::string name;  ///< what follows the colon: a path, or text in braces

  /// Error if the type is unknown, a path is not absolute, or braces do not match.
  static Result<TableRef> parse(std::string_view text);
  /// Whether an item of a list (mydestination, mynetworks) is a table, not a name.
  static bool is_table(std::string_view text);

  std::string text() const { return type.empty() ? std::string() : type + ":" + name; }
  bool empty() const { return type.empty(); }
  friend bool operator==(const TableRef&, const TableRef&) = default;
};

}  // namespace pennypost
