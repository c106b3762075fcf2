// Makes outcomes without a delivery process, and interprets those of one.
//
// Pure functions: a route or an error becomes an Outcome; a failed attempt shows whether its
// destination is at fault; what a user's delivery expands to becomes recipients.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// The outcome of an attempt that ended with an Error; the status is x.3.0 if the Error has none.
Outcome outcome_of(const Error& error, OutcomeKind kind);
/// The outcome of a route to `error`, `retry`, `discard` or /dev/null; nothing for other routes,
/// which need an attempt.
std::optional<Outcome> outcome_of_route(const Route& route);
/// The outcome of a recipient that is deferred without an attempt.
Outcome deferred_outcome(std::string status, std::string reason);
/// The outcome if the alias `address` leads to itself.
Outcome loop_outcome(const std::string& address);

/// Whether an attempt failed because of the host and not of the message (RFC 3463 section 3.5:
/// network and routing status).
bool is_connection_failure(const std::vector<Outcome>& outcomes);

/// Checks that an outcome is one that an honest process could give: only a mailbox's filter asks
/// for replies and redirects, at most store::delivery_actions_max of them, and none for a message
/// that was not delivered. The error says what is wrong.
Result<void> check_outcome(const Outcome& outcome, Transport transport);

/// The recipients to which a delivery for `account` expanded `parent`. A deliver process is under
/// its user's control: it may name addresses, and commands and files that are used as that user,
/// and nothing else.
std::vector<Recipient> children_of_delivery(const Recipient& parent, const AccountRef& account,
                                            const std::vector<Recipient>& named);

}  // namespace pennypost::smtp
