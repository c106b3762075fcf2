// Outcomes that need no delivery process, and what an outcome means for its message.
//
// Pure functions: a route or an error becomes an Outcome; a failed attempt tells whether its
// destination is at fault; what a user's delivery expands to becomes recipients.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// What an attempt that ended in an Error means; without a status code of its own x.3.0.
Outcome outcome_of(const Error& error, OutcomeKind kind);
/// What a route to `error`, `retry` or `discard` says, or to /dev/null; nothing: it needs an
/// attempt.
std::optional<Outcome> outcome_of_route(const Route& route);
/// Deferred without an attempt.
Outcome deferred_outcome(std::string status, std::string reason);
/// The alias `address` leads to itself.
Outcome loop_outcome(const std::string& address);

/// Whether an attempt failed because of the host, not because of the message (RFC 3463 section
/// 3.5: network and routing status).
bool is_connection_failure(const std::vector<Outcome>& outcomes);

/// The recipients that a delivery for `account` expanded `parent` to. A deliver process runs in its
/// user's hands: it may name addresses, and commands and files that are run and written as that
/// user, nothing else.
std::vector<Recipient> children_of_delivery(const Recipient& parent, const AccountRef& account,
                                            const std::vector<Recipient>& named);

}  // namespace pennypost::smtp
