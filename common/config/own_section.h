// Holds a section of main.toml whose name the admin has chosen, and names the scope of a setting.
//
//   [transport.NAME]   a transport of one's own (transports.h)
//   [service.NAME]     another service (own_service.h), with any setting that may differ per
//   service
//
// LIMITS     own_sections_max of each, names of own_name_bytes_max
// SEE ALSO   layers.h (reads them), transports.h, own_service.h
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/types.h"

namespace pennypost {

inline constexpr std::size_t own_sections_max = 100;
inline constexpr std::size_t own_name_bytes_max = 64;

/// A value as the admin wrote it, and where.
struct GivenText {
  std::string text;
  std::string where;  ///< `FILE:LINE`, or `-o NAME`
};

struct OwnSection {
  enum class Of { Service, Transport };
  Of of = Of::Service;
  std::string name;
  std::string where;               ///< of its first line
  std::optional<Service> service;  ///< as which a service behaves
  std::map<std::string, GivenText, std::less<>>
      own;                                     ///< keys that are no settings: kind, port, argv
  std::map<std::size_t, GivenText> settings;   ///< by index in parameters()
  std::map<std::size_t, GivenText> overrides;  ///< the same from -o

  /// `service.NAME`, `transport.NAME`.
  std::string title() const { return (of == Of::Service ? "service." : "transport.") + name; }
  /// The text of a key that is no setting; empty if it was not given.
  std::string text(std::string_view key) const {
    auto found = own.find(key);
    return found == own.end() ? std::string() : found->second.text;
  }
  /// Where a key stands, or else the section.
  const std::string& where_of(std::string_view key) const {
    auto found = own.find(key);
    return found == own.end() ? where : found->second.where;
  }
};

/// The limits of a transport, which a section names without `default_`.
inline constexpr std::array transport_limit_settings{
    std::string_view("default_destination_concurrency_failed_cohort_limit"),
    std::string_view("default_destination_concurrency_limit"),
    std::string_view("default_destination_rate_delay"),
    std::string_view("default_destination_recipient_limit"),
    std::string_view("default_transport_rate_delay"),
    std::string_view("initial_destination_concurrency")};

constexpr bool is_transport_limit(std::string_view parameter) {
  for (auto name : transport_limit_settings) {
    if (name == parameter) return true;
  }
  return false;
}

/// Whether it is a setting of the client for a protocol, `smtp_` or `lmtp_`, that a transport may
/// have for itself: smtp_destination_… are of the transport smtp alone, and what changes mail that
/// leaves is the same for all transports.
constexpr bool is_client_setting(std::string_view parameter, std::string_view protocol) {
  if (!parameter.starts_with(protocol) || parameter == "smtp_port") return false;
  parameter.remove_prefix(protocol.size());
  return !parameter.starts_with("destination_") && !parameter.starts_with("transport_") &&
         !parameter.starts_with("initial_") && !parameter.ends_with("_checks") &&
         parameter != "generic_maps" && parameter != "assume_final";
}

/// Whether a transport may have its own value of a setting.
constexpr bool is_of_transports(std::string_view parameter) {
  return is_client_setting(parameter, "smtp_") || is_client_setting(parameter, "lmtp_") ||
         is_transport_limit(parameter);
}

/// Whose value of a setting is meant: the host's, a service's, or that of a section of the admin's
/// own.
class Scope {
 public:
  Scope() = default;
  Scope(std::optional<Service> service) : service_(service) {}  // NOLINT
  Scope(Service service) : service_(service) {}                 // NOLINT
  /// `section` must outlive it.
  explicit Scope(const OwnSection& section) : service_(section.service), section_(&section) {}

  /// Whether it is a service.
  explicit operator bool() const { return service_.has_value(); }
  /// The service, or as which one of the admin's own behaves.
  Service operator*() const { return *service_; }
  /// Null for the host and for the built-in services.
  const OwnSection* section() const { return section_; }

 private:
  std::optional<Service> service_;
  const OwnSection* section_ = nullptr;
};

}  // namespace pennypost
