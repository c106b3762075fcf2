// Asks the deliver process whether a recipient's mailbox has room for a message that is not taken
// yet.
//
// An alias for one other address leads to its mailbox; one for several has room, since they are
// recipients of their own after the message is taken. Whatever can't be found out, or not within
// room_wait_max, has room: the delivery will tell.
//
// SEE ALSO   ../delivery/room_messages.h (the requests)
#pragma once

#include <chrono>

#include "smtpd/delivery/room_messages.h"
#include "smtpd/scheduler/deliver_processes.h"
#include "smtpd/scheduler/peers.h"

namespace pennypost::smtp {

/// A client waits for the answer.
inline constexpr std::chrono::seconds room_wait_max{10};

class RoomDesk {
 public:
  static constexpr int followed_max = 10;  // expansions to one other address

  RoomDesk(Loop& loop, QueuePeers peers)
      : loop_(loop), peers_(std::move(peers)), deliver_processes_(loop_, peers_) {}
  RoomDesk(const RoomDesk&) = delete;
  RoomDesk& operator=(const RoomDesk&) = delete;

  Task<Room> find_out(AskRoom ask);

 private:
  Task<Room> room_of(MeasureRoom question);
  Task<Result<Route>> mailbox_of(MeasureRoom& question);

  Loop& loop_;
  QueuePeers peers_;
  DeliverProcesses deliver_processes_;
};

}  // namespace pennypost::smtp
