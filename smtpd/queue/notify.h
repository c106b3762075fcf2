// The bits of a recipient's NOTIFY, as the queue keeps them.
//
// SEE ALSO   envelope.h, ../../common/mail/status.h
#pragma once

#include <cstdint>

#include "common/mail/status.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline std::uint8_t notify_bits(const DsnNotify& notify) {
  unsigned bits = notify_default;
  if (notify.never) bits |= notify_never;
  if (notify.success) bits |= notify_success;
  if (notify.failure) bits |= notify_failure;
  if (notify.delay) bits |= notify_delay;
  return static_cast<std::uint8_t>(bits);
}

/// The same for a copy, of which the sender is told only what is asked for.
inline std::uint8_t notify_bits_of_copy(const DsnNotify& notify) {
  std::uint8_t bits = notify_bits(notify);
  if (bits == notify_default) bits = notify_never;
  return bits;
}

}  // namespace pennypost::smtp
