// A client, host name or address in, the keys under which an access table may know it, out; and
// the right side of such a table as an action.
//
// STANDARDS  Postfix access(5)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"

namespace pennypost::smtp {

/// Labels of a name, octets of an address: how many keys one look-up may try.
inline constexpr std::size_t access_keys_max = 128;

/// `mx.example.com`, then `example.com`, `com` (parents_match: smtpd_access_maps is in
/// parent_domain_matches_subdomains), or `.example.com`, `.com`.
std::vector<std::string> domain_keys(std::string_view name, bool parents_match);

/// `192.0.2.7`, then its networks from narrow to wide, as `192.0.2.0/24` and as `192.0.2`; for IPv6
/// `2001:db8::/32` (every fourth prefix) and `2001:db8`.
std::vector<std::string> network_keys(std::string_view address);

/// The address, the address without its extension, the domain's keys, `user@`; `null` for <>.
std::vector<std::string> address_keys(const MailAddress& address, std::string_view null_key,
                                      std::string_view delimiters, bool parents_match);

/// A client's access: the name's keys, then the address's; tables of patterns (cidr:, regexp:,
/// pcre:) are asked for the whole name and the whole address only.
bool is_pattern_table(std::string_view type);

/// What the right side of an access table says.
struct AccessAction {
  enum class Kind {
    Ok,       // OK, or all digits
    Relay,    // RELAY: OK, and the client may relay
    Dunno,    // DUNNO: no opinion
    Reject,   // REJECT [text], 5NN [text], 4NN [text]
    Defer,    // DEFER [text]
    Discard,  // DISCARD [text]
    Hold,     // HOLD [text]
    Warn,     // WARN [text], INFO [text]: a log line
    Prepend,  // PREPEND header: text
    DeferIfPermit,
    DeferIfReject,
    Restrictions,  // a list of restriction names
    Unknown,       // what no one understands: 451, so that the admin notices
  };
  Kind kind = Kind::Unknown;
  int code = 0;        // of a numeric action
  std::string status;  // enhanced status code that began the text, or empty
  std::string text;    // may be empty
};
AccessAction parse_access_action(std::string_view value);

}  // namespace pennypost::smtp
