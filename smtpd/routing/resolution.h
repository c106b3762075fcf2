// Makes the Resolutions that a Router answers with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

/// The recipient is replaced by these.
Resolution expansion(std::vector<Recipient> children);
/// Mail to it is returned, or deferred where the status is 4.x.x.
Resolution error_route(std::string status, std::string text);
/// The same from text that may begin with a status code, as `error:5.7.1 text` does.
Resolution error_route_of_text(std::string_view text, const char* default_status);
/// A permanent Error is a route to the bounce; a temporary one stays an Error.
Result<Resolution> resolution_of(const Error& error);
/// Mail that nobody gets, and what the log says of it.
Resolution discard(std::string text);
/// The same under the name that settings and tables give the transport.
Resolution by_name(Resolution resolution, std::string transport);

/// What tables know an address's domain by; empty where it has none.
std::string domain_key(const MailAddress& address);

}  // namespace pennypost::smtp
