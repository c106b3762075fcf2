// Makes the Resolutions that a Router answers with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

/// The recipient is replaced by `children`.
Resolution expansion(std::vector<Recipient> children);
/// Mail is returned, or deferred if the status is 4.x.x.
Resolution error_route(std::string status, std::string text);
/// The same from a text that may begin with a status code, as in `error:5.7.1 text`.
Resolution error_route_of_text(std::string_view text, const char* default_status);
/// A permanent Error becomes an error route; a temporary one stays an Error.
Result<Resolution> resolution_of(const Error& error);
/// Mail is discarded; `text` is for the log.
Resolution discard(std::string text);
/// Sets the transport's name in settings and tables, unless the mail is on another's way already,
/// as by mailbox_transport.
Resolution by_name(Resolution resolution, std::string transport);

/// The key of an address's domain in tables; empty if it has none.
std::string domain_key(const MailAddress& address);

}  // namespace pennypost::smtp
