// Writes the request to a policy server: what is known about a client and its mail, as lines
// `name=value` and an empty line.
//
// The attributes are those of Postfix 3.7. `stress` is always empty: a server under load changes
// none of its settings here.
//
// STANDARDS  Postfix's SMTPD_POLICY_README
// SEE ALSO   policy_client.h (who sends it)
#pragma once

#include <string>

#include "common/config/config.h"
#include "smtpd/policy/messages.h"

namespace pennypost::smtp {

/// `about` must have its facts. Control characters in values become `?`.
std::string policy_request(const CheckRecipient& about, const std::string& policy_context);

/// Whether a restriction list or class of a service names a policy server.
bool asks_policy_servers(const Settings& settings);

}  // namespace pennypost::smtp
