// Writes Authentication-Results, and finds those that claim to be ours but came from outside.
//
// What is shown comes from strangers: it is written as a token, an address or in quotes, in
// printable ASCII, so that nobody can put a result of his own behind it.
//
// LIMITS     auth_value_bytes_max
// STANDARDS  RFC 8601, RFC 6008 (header.b), RFC 7489 section 11 (dmarc)
// SEE ALSO   spf.h, dkim.h, dmarc.h, arc.h (what is shown)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/mail/header.h"
#include "common/mailauth/arc.h"
#include "common/mailauth/dkim.h"
#include "common/mailauth/dmarc.h"
#include "common/mailauth/spf.h"

namespace pennypost {

inline constexpr std::size_t auth_value_bytes_max =
    400;  // of a value that is shown; the rest is cut

/// `smtp.mailfrom=ann@example.org`.
struct AuthProperty {
  std::string type;  // smtp, header, policy
  std::string name;
  std::string value;
};

/// One method's result with what it was about.
struct AuthMethod {
  std::string method;  // spf, dkim, dmarc, arc, iprev, auth
  std::string result;
  std::string reason;  // for people; empty if there is none
  std::vector<AuthProperty> properties;
};

/// RFC 8601 section 2.7.2. `sender` is the envelope's; empty if the name in HELO was checked.
AuthMethod auth_method(const SpfResult& result, std::string_view sender, std::string_view helo);
/// RFC 8601 section 2.7.1.
AuthMethod auth_method(const DkimResult& result);
/// RFC 7489 section 11.
AuthMethod auth_method(const DmarcResult& result);
/// RFC 8617 section 10.2: the domain that has sealed last.
AuthMethod auth_method(const ArcResult& result);

/// The body of the field without the name, `authserv-id; spf=pass ...`, folded, without a line end
/// at its end; `authserv-id; none` if nothing was checked.
std::string auth_results_body(std::string_view authserv_id, const std::vector<AuthMethod>& methods);
/// The whole field with CRLF.
std::string auth_results_field(std::string_view authserv_id,
                               const std::vector<AuthMethod>& methods);

/// Whether a field's body bears one of the names, or is so malformed that others may read it as if
/// it did (RFC 8601 section 5). Case, quotes, comments, a version and the form of an IDN don't
/// matter.
bool bears_authserv_id(std::string_view body, const std::vector<std::string>& ids);

/// Edits that remove from the header at the front of `text` every Authentication-Results that bears
/// one of the names; in order of offset.
std::vector<Edit> remove_auth_results(std::string_view text, const std::vector<std::string>& ids);

}  // namespace pennypost
