// Describes the services that an admin has defined, as Postfix keeps them in master.cf.
//
//   [service.back]                    [service.delivery]
//   kind = "smtp"                     kind = "lmtp"
//   port = 10026                      socket = "/run/pennypost/lmtp"
//   inet_interfaces = "127.0.0.1"     mode = "0660"
//   content_filter = ""               user = "postfix"
//
// A service listens on its port at inet_interfaces, on a Unix socket, or on both. The socket's
// mode, user and group are those of Dovecot's unix_listener: 0600 and root's unless they are given.
// LMTP has the port 24 unless there is a port or a socket.
//
// An LMTP service behaves as one of kind smtp, with defaults of its own (lmtp_service_defaults),
// which the host's values do not replace.
//
// STANDARDS  RFC 2033 section 3 and 5 (LMTP needs a port other than 25, and stays off wide
// networks) SEE ALSO   own_section.h, ../net/listener.h (makes the socket)
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/own_section.h"
#include "common/config/types.h"

namespace pennypost {

inline constexpr std::string_view lmtp_kind = "lmtp";
inline constexpr std::uint16_t lmtp_service_port = 24;

/// The keys of a [service.NAME] besides its kind and settings.
inline constexpr std::array service_keys{std::string_view("port"), std::string_view("socket"),
                                         std::string_view("mode"), std::string_view("user"),
                                         std::string_view("group")};

/// What an LMTP service has in place of the host's value and of a default, unless its section or -o
/// says otherwise.
struct ServiceDefault {
  std::string_view name;
  std::string_view text;
};
inline constexpr std::array lmtp_service_defaults{
    ServiceDefault{"content_filter", ""},
    ServiceDefault{"inet_interfaces", "localhost"},
    ServiceDefault{"mailauth_checks", ""},
    ServiceDefault{"smtpd_banner", "$myhostname LMTP $mail_name"},
    ServiceDefault{"smtpd_proxy_filter", ""},
    ServiceDefault{"smtpd_sasl_auth_enable", "no"}};

/// As which service a [service.NAME] of this kind behaves; nothing if there is no such kind.
std::optional<Service> service_of_kind(std::string_view kind);

/// A Unix socket that a service listens on.
struct ServiceSocket {
  std::string path;
  mode_t mode = 0600;
  std::string user;   ///< empty: whoever runs the daemon
  std::string group;  ///< empty: the same
};

/// Where a [service.NAME] listens.
struct OwnService {
  Service kind = Service::Smtp;
  bool is_lmtp = false;
  std::uint16_t port = 0;  ///< 0: none
  std::string where;       ///< `FILE:LINE` of its port or socket
  std::optional<ServiceSocket> socket;
};

/// Reads the keys of a section whose kind is known. Mistakes are added to `errors`, each
/// `FILE:LINE: …`.
OwnService read_service(const OwnSection& section, std::vector<std::string>& errors);

}  // namespace pennypost
