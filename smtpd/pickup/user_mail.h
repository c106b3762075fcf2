// The request of `pennypost user block` to the queue, over its Unix socket.
//
// SEE ALSO   control.h (the other requests)
#pragma once

#include <string>

#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

/// For root and the queue's owner: puts on hold what a user has submitted after a login, or with
/// sendmail under an own address. Counts as ChangeQueue does.
struct HoldUserMail {
  static constexpr std::uint16_t type = 208;
  using Reply = Count;
  std::string user;  // an account's name
  template <class Archive>
  void fields(Archive& archive) {
    archive(user);
  }
};

}  // namespace pennypost::smtp
