// Checks an envelope that comes from a process to which strangers talk.
//
// `receive` may be in a stranger's hands. What it submits must not name commands, files or
// accounts, leave the queue's directory, or break the queue's own rules.
#pragma once

#include "common/base/result.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t envelope_text_bytes_max = 4096;     // any one text of it
inline constexpr std::size_t envelope_pieces_max = 100'000;      // edits of a header
inline constexpr std::uint64_t added_text_bytes_max = 16 << 20;  // all text of ours in the pieces

/// Error 501 5.5.4 with what is wrong. `inline_bytes` is the size of the body beside it.
Result<void> check_envelope(const Envelope& envelope, std::size_t inline_bytes);

}  // namespace pennypost::smtp
