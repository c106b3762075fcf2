// The request of `lookup` to `queue` by which an address is verified: whether the host that its
// mail goes to takes it.
//
// SEE ALSO   ../scheduler/address_verifier.h (who answers)
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::smtp {

enum class AddressState : std::uint8_t { Unknown, Deliverable, Undeliverable };
constexpr AddressState wire_last(AddressState) { return AddressState::Undeliverable; }

/// Answered at once from what is remembered, else when the dialogue with the other host is over:
/// who asks sets the limit.
struct VerifyAddress {
  static constexpr std::uint16_t type = 142;
  struct Verified {
    AddressState state = AddressState::Unknown;
    std::string reason;  // what the host said, or why it is unknown
    template <class Archive>
    void fields(Archive& archive) {
      archive(state, reason);
    }
  };
  using Reply = Verified;
  std::string address;  // with its domain
  template <class Archive>
  void fields(Archive& archive) {
    archive(address);
  }
};

}  // namespace pennypost::smtp
