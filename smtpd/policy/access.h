// Access tables: the keys under which a client's address is looked up, and the actions that are a
// table's values.
//
// STANDARDS  Postfix access(5); networks as `192.0.2.0/24` in any table are our addition
// SEE ALSO   store/maps/address_lookup.h (the keys of names and mail addresses)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

/// The keys of an address: `192.0.2.7`, then its networks from narrow to wide, as `192.0.2.0/24`
/// and as `192.0.2`; for IPv6 as `2001:db8::/32` (every fourth prefix length) and `2001:db8`.
std::vector<store::LookupKey> network_keys(std::string_view address);

/// What the right side of an access table says. An empty one is OK, as in Postfix.
struct AccessAction {
  enum class Kind {
    Ok,             // OK, or all digits
    Relay,          // RELAY: OK, and the client may relay
    Dunno,          // DUNNO: no opinion
    Reject,         // REJECT [text], 5NN text, 4NN text
    Defer,          // DEFER [text]
    Discard,        // DISCARD [text]
    Hold,           // HOLD [text]
    Warn,           // WARN [text]: a log line
    Info,           // INFO [text]: likewise
    Prepend,        // PREPEND header: text
    Bcc,            // BCC user@domain
    Redirect,       // REDIRECT user@domain
    Filter,         // FILTER transport:destination
    DeferIfPermit,  // DEFER_IF_PERMIT [text]
    DeferIfReject,  // DEFER_IF_REJECT [text]
    Restrictions,   // all else: a list of restrictions and classes
  };
  Kind kind = Kind::Restrictions;
  int code = 0;        // of a numeric action
  std::string status;  // enhanced status code that began the text, or empty
  std::string text;    // may be empty
};
AccessAction parse_access_action(std::string_view value);

/// Whether the text of FILTER is `transport:` or `transport:destination`.
bool is_filter_text(std::string_view text);

/// A status about an address (x.1.y) as it fits what is refused: that of a sender, of a recipient,
/// or of neither. RFC 3463 section 3.2.
std::string fitting_status(std::string status, bool is_sender, bool is_recipient);

}  // namespace pennypost::smtp
