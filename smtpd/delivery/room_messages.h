// The requests that find out, before a message is taken, whether mailboxes of this host have room
// for it: AskRoom of `receive` to `queue`, and MeasureRoom of `queue` to `deliver`.
//
// `receive` names addresses alone, since no account may be named by a process that speaks with
// strangers. Both are only a forecast: the delivery enforces the quota.
//
// SEE ALSO   room.h (who measures), ../scheduler/room_desk.h (who is in between)
#pragma once

#include <cstdint>
#include <string>

#include "smtpd/queue/envelope.h"
#include "smtpd/queue/messages.h"
#include "smtpd/routing/route.h"

namespace pennypost::smtp {

struct Room {
  /// 250, or 4xx or 5xx with what the client is told; 250 also where it can't be found out.
  Fate fate;
  std::uint64_t spare_bytes = 0;  ///< that have room, this message among them; 0: not known
  template <class Archive>
  void fields(Archive& archive) {
    archive(fate, spare_bytes);
  }
};

/// Asked about a recipient whose verdict (CheckRecipient) says that the mailbox has a quota.
struct AskRoom {
  static constexpr std::uint16_t type = 144;
  using Reply = Room;
  std::string sender;
  std::string recipient;    // the complete address
  std::uint64_t bytes = 0;  // of the message, as it is stored
  template <class Archive>
  void fields(Archive& archive) {
    archive(sender, recipient, bytes);
  }
};

/// Asked of the deliver process of the account's owner.
struct MeasureRoom {
  static constexpr std::uint16_t type = 145;
  using Reply = Room;
  std::string sender;
  Recipient recipient;
  AccountRef account;
  std::uint64_t bytes = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(sender, recipient, account, bytes);
  }
};

}  // namespace pennypost::smtp
