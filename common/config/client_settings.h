// Tells mail clients their settings, from ours: by Mozilla's autoconfig, Microsoft's autodiscover
// (POX) and Apple's configuration profiles.
//
// Pure functions of the configuration and an address. The server is myhostname for all domains, the
// login the whole address, and ports with implicit TLS come first (RFC 8314 section 3). A port
// where passwords would be sent in the clear is never told of. What is told is no secret, so an
// address need not exist here; it is copied into the text, escaped.
//
// An HTTP server passes answer() what a client asks:
//   GET   /mail/config-v1.1.xml?emailaddress=ADDRESS             Thunderbird, at autoconfig.DOMAIN
//   GET   /.well-known/autoconfig/mail/config-v1.1.xml           the same, at DOMAIN
//   POST  /autodiscover/autodiscover.xml                         Outlook, in any letter case
//   GET   /mail/config.mobileconfig?emailaddress=ADDRESS         a person with an Apple device
//
// STANDARDS  MS-OXDSCLI section 3.1.5 (POX), RFC 8314
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace pennypost::client_settings {

inline constexpr std::size_t address_bytes_max = 320;
inline constexpr std::size_t request_bytes_max = 16 * 1024;

struct Server {
  std::string protocol;  // imap, pop3 or smtp
  std::string host;
  std::uint16_t port = 0;
  bool is_implicit_tls = false;  // else STARTTLS
};
/// What clients may use, the best of each protocol first. Empty if nobody can log in here.
std::vector<Server> servers(const Config& config);

/// Mozilla's clientConfig of version 1.1, for these domains.
std::string autoconfig(const Config& config, const std::vector<std::string>& domains);
/// Microsoft's Autodiscover response; `address` may be empty: the client then uses the user's.
std::string autodiscover(const Config& config, std::string_view address);
/// Apple's profile; with an empty `address` the device asks for it.
std::string mobileconfig(const Config& config, std::string_view domain, std::string_view address);

struct Answer {
  std::string content_type;
  std::string body;
};
/// Nothing: no such path, or a request without an address where one is needed; 404 for the client.
/// `query` is what follows the `?`, `body` that of a POST.
std::optional<Answer> answer(const Config& config, std::string_view path, std::string_view query,
                             std::string_view body);

}  // namespace pennypost::client_settings
