// Verifies addresses: asks the host to which mail for an address would go whether it takes the
// address, and remembers the answer.
//
// The way is found as for mail, or by address_verify_transport_maps and kin: an address that
// expands to one other is followed, one that leads to a mailbox, a command or a list of this host
// is deliverable. For one at another host, `send` makes an attempt that ends after RCPT; no message
// enters the queue, and nothing is returned to anybody.
//
// What a host has accepted or refused is remembered for address_verify_..._expire_time, and found
// out anew in the background after ..._refresh_time. What could not be found out (no answer from
// DNS, no connection, a 4xx reply) is remembered for unknown_life only; it neither replaces a known
// answer nor counts as a refusal.
//
// STANDARDS  Postfix's ADDRESS_VERIFICATION_README
// LIMITS     address_verify_pending_request_limit, attempts_per_hop_max, attempt_time_max,
//            followed_max
// SEE ALSO   ../queue/verify_messages.h, ../policy/verification.cpp (the restrictions)
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/async/nursery.h"
#include "common/base/clock.h"
#include "smtpd/delivery/probe_messages.h"
#include "smtpd/queue/fact_store.h"
#include "smtpd/queue/verify_messages.h"
#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/local_sockets.h"
#include "smtpd/scheduler/peers.h"

namespace pennypost::smtp {

class AddressVerifier {
 public:
  using Verified = VerifyAddress::Verified;
  static constexpr std::chrono::seconds unknown_life{60};
  static constexpr std::chrono::minutes attempt_time_max{10};
  static constexpr std::size_t attempts_per_hop_max = 20;
  static constexpr int followed_max = 10;  // expansions to one other address

  AddressVerifier(Loop& loop, QueuePeers peers, FactStore& facts, LocalSockets& local_sockets,
                  const Clock& clock);

  Task<Verified> verify(std::string address);
  /// Cancels all attempts.
  void end() { tasks_.cancel(); }

 private:
  struct Kept {
    AddressState state = AddressState::Unknown;
    std::string reason;
    std::int64_t updated = 0;  // seconds since 1970
    template <class Archive>
    void fields(Archive& archive) {
      archive(state, reason, updated);
    }
  };
  struct Pending {
    explicit Pending(Loop& loop) : ended(loop) {}
    std::optional<Verified> result;
    Event ended;
  };
  bool is_stale(const Kept& kept) const;
  std::shared_ptr<Pending> begin(const std::string& address);
  Task<> find_out(std::string address, std::shared_ptr<Pending> pending);
  void keep(const std::string& address, const Verified& found, bool was_known);
  Task<Verified> ask(std::string address);
  Task<Verified> attempt(Recipient recipient, Route route);

  Loop& loop_;
  QueuePeers peers_;
  FactStore& facts_;
  LocalSockets& local_sockets_;
  const Clock& clock_;
  std::map<std::string, std::shared_ptr<Pending>> pending_;  // by address
  std::map<std::string, std::size_t> attempts_;              // by next hop
  Nursery tasks_;
};

}  // namespace pennypost::smtp
