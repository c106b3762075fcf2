// Requests about what a user may send: whether the user is blocked, which `lookup` knows, and how
// much is left of the outgoing_... limits, which `queue` counts.
//
// SEE ALSO   outgoing_limits.h (the counts), ../process/lookup.h, ../process/queue.h
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::smtp {

/// Asks whether blocked_users_map holds a user. Errors are temporary.
struct CheckSubmitter {
  static constexpr std::uint16_t type = 128;
  struct Answer {
    bool is_blocked = false;
    template <class Archive>
    void fields(Archive& archive) {
      archive(is_blocked);
    }
  };
  using Reply = Answer;
  std::string user;  // a login, or the name of a system user
  template <class Archive>
  void fields(Archive& archive) {
    archive(user);
  }
};

/// Asks how many recipients a user's next message may have; only sent if there is a limit.
struct AskAllowance {
  static constexpr std::uint16_t type = 129;
  struct Allowance {
    std::uint64_t recipients = 0;  // 0: no message at all
    std::string limit;             // the setting by which it is so few
    template <class Archive>
    void fields(Archive& archive) {
      archive(recipients, limit);
    }
  };
  using Reply = Allowance;
  std::string user;
  template <class Archive>
  void fields(Archive& archive) {
    archive(user);
  }
};

}  // namespace pennypost::smtp
