// Tells an LMTP client what became of its recipients, after the first attempt to deliver its mail.
//
// The message is in the queue like any other before it is tried. After the attempt each of the
// client's recipients has a fate, which takes what it was expanded to together:
//
//   delivered, or at least to one of them    250: what failed is reported and what was put off
//   stays
//                                            in the queue, as with any other mail
//   put off, or not tried                    4xx: it leaves the queue, the client keeps it
//   failed                                   5xx: it leaves the queue, the client reports it
//
// A client that has waited for deliver_wait_max, or whose message an admin takes, gets 250: from
// then on the message is the queue's. If the client has gone, nothing is different: it got no
// answer and will send again, so what could not be delivered leaves the queue here, too. Whatever
// happens in between, a recipient may get the message twice; it is never without someone who has
// it.
//
// STANDARDS  RFC 2033 section 4.2
// SEE ALSO   ../queue/messages.h (Deliver), active_message.h, ../inbound/lmtp.cpp (the replies)
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/async/loop.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/queued_message.h"

namespace pennypost::smtp {

/// Below the 10 minutes for which a client waits at least (RFC 5321 section 4.5.3.2.6).
inline constexpr std::chrono::minutes deliver_wait_max{5};

/// Who waits, and for which recipients.
class WaitingClient {
 public:
  WaitingClient(Loop& loop, std::vector<std::uint32_t> recipients)
      : loop_(loop), recipients_(std::move(recipients)), answered_(loop) {}

  /// The fates, in the order of the recipients. All are 250 if there is no answer within `longest`,
  /// or none will come: the message stays with the queue.
  Task<std::vector<Fate>> wait(Duration longest);

 private:
  friend class ClientLink;
  Task<> until_answered();
  Loop& loop_;
  std::vector<std::uint32_t> recipients_;
  std::optional<std::vector<Fate>> fates_;
  bool is_over_ = false;  // no answer will be listened to, or come
  Event answered_;
};

/// The message's end of it. Whoever drops it without an answer has kept the message.
class ClientLink {
 public:
  explicit ClientLink(std::shared_ptr<WaitingClient> client) : client_(std::move(client)) {}
  ClientLink(ClientLink&&) = default;
  ClientLink& operator=(ClientLink&& other) noexcept {
    std::swap(client_, other.client_);
    return *this;
  }
  ~ClientLink();

  /// Answers with what became of the recipients, and makes those finished, without a report, that
  /// are the client's again; returns how many these are. No effect if the client waits no more.
  std::size_t answer(QueuedMessage& message);

 private:
  std::shared_ptr<WaitingClient> client_;
};

/// What became of the recipients `asked`, in their order; those whose fate is not 250 are made
/// finished.
std::vector<Fate> take_fates(QueuedMessage& message, const std::vector<std::uint32_t>& asked);

}  // namespace pennypost::smtp
