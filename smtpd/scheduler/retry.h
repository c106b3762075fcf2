// Decides when a message is tried again, when its sender is told of the delay, and when it is given
// up.
//
// As in Postfix, the pause before the next attempt is the message's age, but at least
// minimal_backoff_time and at most maximal_backoff_time; with queue_run_delay it lasts until the
// next multiple of that time. Mail older than maximal_queue_lifetime (bounce_queue_lifetime for the
// null sender) is returned after the next failed attempt.
//
// STANDARDS  RFC 5321 section 4.5.4.1 (retry, and giving up after 4 to 5 days)
#pragma once

#include <cstdint>
#include <string>

#include "common/config/config.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// When to try a message again that has just been deferred, in seconds since 1970.
std::int64_t next_attempt(const Config& config, std::int64_t arrival, std::int64_t now);
/// Whether a message that has just been deferred is given up.
bool is_expired(const Config& config, bool is_bounce, std::int64_t arrival, std::int64_t now);
/// Whether the sender must now be told of the delay.
bool is_delay_to_be_told(const Config& config, std::int64_t arrival, std::int64_t now);

/// RFC 3461 section 4.1: whether the recipient's NOTIFY asks for a report of this kind. Without
/// NOTIFY failures and delays are reported.
bool wants_report(std::uint8_t notify, Notify kind);

}  // namespace pennypost::smtp
