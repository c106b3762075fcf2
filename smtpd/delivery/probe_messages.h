// The request of `queue` to `send` that asks another host whether it takes a recipient.
//
// SEE ALSO   messages.h (attempts to deliver), ../scheduler/address_verifier.h (who asks)
#pragma once

#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// An attempt without a message, whose dialogue ends after RCPT: a recipient that the host takes is
/// Delivered.
struct Probe {
  static constexpr std::uint16_t type = 143;
  using Reply = Attempt::Outcomes;
  Attempt attempt;
  template <class Archive>
  void fields(Archive& archive) {
    archive(attempt);
  }
};

}  // namespace pennypost::smtp
