// The requests of `queue` for a delivery: an Attempt, to `send` or `deliver`, whose answer is an
// Outcome for each recipient; and NeedDeliver, to the master, for a `deliver` process.
//
// SEE ALSO   ../process/send.h, ../process/deliver.h (who answers)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"
#include "smtpd/routing/route.h"
#include "store/mailbox/delivery.h"

namespace pennypost::smtp {

enum class OutcomeKind : std::uint8_t { Delivered, Retry, Bounce, Expand, Discarded };
constexpr OutcomeKind wire_last(OutcomeKind) { return OutcomeKind::Discarded; }

/// The outcome of one recipient's delivery attempt; only the queue commits it.
struct Outcome {
  std::uint32_t recipient = 0;  // its number
  OutcomeKind kind = OutcomeKind::Retry;
  std::string status;               // enhanced status code: 2.0.0, 4.4.1 …
  std::string reason;               // prose for the log and the bounce
  std::string relay;                // `local`, `mx.example.org[192.0.2.1]:25`
  std::string remote_mta;           // for the report: `mx.example.org`, or empty
  std::string diagnostic;           // the peer's reply: `550 5.1.1 <x> unknown`, or empty
  bool is_dsn_relayed = false;      // the next hop took our DSN parameters and reports success
  bool is_repeatable = false;       // another attempt would find the delivered file: no duplicate
  bool is_partly_done = false;      // Retry: the next attempt must look for copies already stored
  std::vector<Recipient> children;  // Expand (.forward, filter); Delivered: additional redirects
  std::vector<store::AutomaticReply> replies;  // a filter's; never with Retry or Bounce
  std::int64_t connected_microseconds = 0;     // for delays=a/b/c/d: c
  std::int64_t transmitted_microseconds = 0;   // d
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, kind, status, reason, relay, remote_mta, diagnostic, is_dsn_relayed,
            is_repeatable, is_partly_done, children, replies, connected_microseconds,
            transmitted_microseconds);
  }
};

/// One message to recipients that share a route. The body is `body`, or the file sent with the
/// request if envelope.body_is_file. envelope.recipients has only these recipients.
struct Attempt {
  static constexpr std::uint16_t type = 106;
  struct Outcomes {
    std::vector<Outcome> outcomes;
    std::int32_t process = 0;  // the id of the process that made the attempt, for the log
    template <class Archive>
    void fields(Archive& archive) {
      archive(outcomes, process);
    }
  };
  using Reply = Outcomes;
  Envelope envelope;
  Route route;
  bool is_repeat = false;  // an earlier attempt may have succeeded: look for its file first
  std::string body;
  template <class Archive>
  void fields(Archive& archive) {
    archive(envelope, route, is_repeat, body);
  }
};

/// Asks the master for a deliver process that runs as this account's uid; its port to us gets the
/// kind `deliver:UID` (`deliver:own` for own users, `deliver:nobody` for default_privs), or
/// `pipe:NAME` for a [transport.NAME].
struct NeedDeliver {
  static constexpr std::uint16_t type = 107;
  struct Where {
    std::string kind;
    template <class Archive>
    void fields(Archive& archive) {
      archive(kind);
    }
  };
  using Reply = Where;
  std::string account;  // empty: default_privs
  bool is_system = false;
  std::string transport;  // a [transport.NAME], for whose user the process is; or empty
  template <class Archive>
  void fields(Archive& archive) {
    archive(account, is_system, transport);
  }
};

}  // namespace pennypost::smtp
