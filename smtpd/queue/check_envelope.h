// Checks an envelope that comes from a process which talks to strangers.
//
// An attacker may have taken over `receive`. What it submits must not name commands, files or
// accounts, lead out of the queue's directory, or break the queue's own rules.
#pragma once

#include "common/base/result.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t envelope_text_bytes_max = 4096;     // of each text
inline constexpr std::size_t envelope_pieces_max = 100'000;      // edits of a header
inline constexpr std::uint64_t added_text_bytes_max = 16 << 20;  // of all added text together

/// Error 501 5.5.4 with what is wrong. `inline_bytes` is the size of an inline body.
Result<void> check_envelope(const Envelope& envelope, std::size_t inline_bytes);

}  // namespace pennypost::smtp
