// What smtpd's processes say to each other: one struct a request, its answer beside it.
//
//   receive -> queue    OpenBody, Submit          receive -> lookup  CheckRecipient, CountClient
//                                                 both   -> lookup   Canonicalize
//   receive -> auth     (store/service/auth.h)    queue -> lookup    Resolve, NoteMailbox
//   queue -> send, deliver   Attempt              queue -> master    NeedDeliver
//   sendmail, mailq, postqueue, postsuper -> queue: smtpd/pickup/control.h, over the queue's
//   socket
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"
#include "store/accounts/account_ref.h"

namespace pennypost::smtp {

inline constexpr std::size_t inline_body_bytes_max = 64 * 1024;  // larger bodies are files

/// Asks for a file to write a large body to; the descriptor comes beside the answer. Whoever writes
/// it also syncs it, before Submit.
struct OpenBody {
  static constexpr std::uint16_t type = 101;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// Gives up the file of OpenBody, when the message is not submitted after all; posted, not called.
/// A file goes with the process that it was opened for, which alone can drop or submit it.
struct DropBody {
  static constexpr std::uint16_t type = 109;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// A message whole; the answer says that it survives a power cut. Errors: 452 4.3.1 (no space),
/// 451, 501 (not a valid envelope). Recipients bear numbers of their own, all of kind Address.
struct Submit {
  static constexpr std::uint16_t type = 102;
  using Reply = Done;
  Envelope envelope;
  std::string body;  // empty when envelope.body_is_file
  template <class Archive>
  void fields(Archive& archive) {
    archive(envelope, body);
  }
};

/// May this client send from here to there? The table side of policy/, and who exists.
struct CheckRecipient {
  static constexpr std::uint16_t type = 103;
  struct Verdict {
    std::uint16_t code = 250;  // 250: take it; else the reply
    std::string status;        // enhanced status code, 2.1.5
    std::string text;          // with its subject: `<bob@example.org>: Relay access denied`
    bool hold = false;
    bool discard = false;               // take it and throw it away
    bool may_relay = false;             // RELAY for this client in an access table
    std::vector<std::string> prepend;   // header lines to put on top
    std::vector<std::string> warnings;  // replies that warn_if_reject turned into log lines
    template <class Archive>
    void fields(Archive& archive) {
      archive(code, status, text, hold, discard, may_relay, prepend, warnings);
    }
  };
  using Reply = Verdict;
  std::string service;                 // smtp, submission, submissions
  std::string client_name;             // verified by DNS, or `unknown`
  std::string reverse_name;            // what PTR alone says, or `unknown`
  bool is_name_lookup_failed = false;  // DNS did not answer: `unknown` may pass
  std::string client_address;
  std::string helo;
  std::string sender;
  std::string recipient;
  std::string sasl_username;
  bool is_authenticated = false;
  bool is_in_mynetworks = false;  // surely; else lookup looks for itself, tables and all
  bool is_own_address = false;    // the client connects from this host
  bool is_encrypted = false;
  bool is_pipelining_early = false;  // it sent ahead where it must not
  bool may_relay = false;            // as an earlier verdict on this client said
  std::uint32_t recipients = 0;      // how many the message has so far
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, client_name, reverse_name, is_name_lookup_failed, client_address, helo, sender,
            recipient, sasl_username, is_authenticated, is_in_mynetworks, is_own_address,
            is_encrypted, is_pipelining_early, may_relay, recipients);
  }
};

/// Evaluates one restriction list (`smtpd_client_restrictions` …) for a client; the same verdict.
struct CheckRestrictions {
  static constexpr std::uint16_t type = 104;
  using Reply = CheckRecipient::Verdict;
  std::string parameter;
  CheckRecipient about;
  template <class Archive>
  void fields(Archive& archive) {
    archive(parameter, about);
  }
};

/// Something a client did, told to the one process that counts for all receive processes.
struct CountClient {
  static constexpr std::uint16_t type = 108;
  enum class Event : std::uint8_t { Message, Recipient, Login };
  friend constexpr Event wire_last(Event) { return Event::Login; }
  struct Counts {
    std::uint32_t in_unit = 0;  // events of this kind within anvil_rate_time_unit, this one too
    template <class Archive>
    void fields(Archive& archive) {
      archive(in_unit);
    }
  };
  using Reply = Counts;
  std::string address;  // of IPv6 the /64
  Event event = Event::Message;
  template <class Archive>
  void fields(Archive& archive) {
    archive(address, event);
  }
};

enum class Transport : std::uint8_t { Local, Smtp, Error, Pipe, File, Include, Discard };
constexpr Transport wire_last(Transport) { return Transport::Discard; }

/// Who gets it on this host: what lookup found; uid and gid are looked up again by the master.
using store::AccountRef;

/// A next hop of smtp_fallback_relay, with what the tables say of it: another host's password is
/// none of its business.
struct FallbackHop {
  std::string next_hop;
  std::string tls_policy;
  std::string credentials;
  template <class Archive>
  void fields(Archive& archive) {
    archive(next_hop, tls_policy, credentials);
  }
};

/// Where one recipient goes next; resolved at every attempt, never stored.
struct Route {
  Transport transport = Transport::Error;
  // As settings and tables name it: `relay`, `virtual`; empty: as the log does.
  std::string name;
  // Smtp: `example.com`, `[host]`, `[192.0.2.1]:587`; Error, Discard: the text.
  std::string next_hop;
  std::string status;  // Error: enhanced status code, 5.x.x or 4.x.x
  // Local; Pipe, File: whose .forward names it, else empty; Include: who reads it.
  AccountRef account;
  // Smtp: what the tables say of the next hop, since `send` can open none.
  std::string tls_policy;   // the value in smtp_tls_policy_maps, or empty
  std::string credentials;  // the value in smtp_sasl_password_maps, `login:password`, or empty
  std::vector<FallbackHop> fallbacks;  // where none of its hosts takes it
  template <class Archive>
  void fields(Archive& archive) {
    archive(transport, name, next_hop, status, account, tls_policy, credentials, fallbacks);
  }
};

/// What a recipient turned out to be.
struct Resolution {
  bool is_expansion = false;        // replaced by `children`, in one batch
  std::vector<Recipient> children;  // number is given by the queue
  bool is_error = false;            // Error route with the reason
  Route route;
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_expansion, children, is_error, route);
  }
};

/// One step: expands a recipient, or names its route. Errors are temporary: defer.
struct Resolve {
  static constexpr std::uint16_t type = 105;
  using Reply = Resolution;
  Recipient recipient;
  std::string sender;
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, sender);
  }
};

/// Rewrites the addresses of a message that comes in as canonical_maps and its like have it; only
/// asked where there is such a table. Error: temporary, a table can't tell now.
struct Canonicalize {
  static constexpr std::uint16_t type = 111;
  struct Address {
    std::string text;
    bool is_recipient = false;  // of a header field; else a sender
    template <class Archive>
    void fields(Archive& archive) {
      archive(text, is_recipient);
    }
  };
  struct Rewritten {
    std::string sender;
    std::vector<std::string> in_header;  // in the order asked
    template <class Archive>
    void fields(Archive& archive) {
      archive(sender, in_header);
    }
  };
  using Reply = Rewritten;
  std::string sender;              // the envelope's; empty stays empty
  std::vector<Address> in_header;  // each once
  template <class Archive>
  void fields(Archive& archive) {
    archive(sender, in_header);
  }
};

/// Whether there is room in an account's mailbox, as its last delivery found; posted, not called.
struct NoteMailbox {
  static constexpr std::uint16_t type = 110;
  using Reply = Done;
  std::string account;
  bool is_full = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(account, is_full);
  }
};

enum class OutcomeKind : std::uint8_t { Delivered, Retry, Bounce, Expand, Discarded };
constexpr OutcomeKind wire_last(OutcomeKind) { return OutcomeKind::Discarded; }

/// What came of one recipient's delivery attempt; only the queue commits it.
struct Outcome {
  std::uint32_t recipient = 0;  // its number
  OutcomeKind kind = OutcomeKind::Retry;
  std::string status;           // enhanced status code: 2.0.0, 4.4.1 …
  std::string reason;           // prose for the log and the bounce
  std::string relay;            // `local`, `mx.example.org[192.0.2.1]:25`
  std::string remote_mta;       // for the report: `mx.example.org`, or empty
  std::string diagnostic;       // the peer's reply: `550 5.1.1 <x> unknown`, or empty
  bool is_dsn_relayed = false;  // the next hop took our DSN parameters: no success report of ours
  bool is_repeatable = false;   // delivered where another attempt finds it, and doubles nothing
  std::vector<Recipient> children;            // Expand (.forward)
  std::int64_t connected_microseconds = 0;    // for delays=a/b/c/d: c
  std::int64_t transmitted_microseconds = 0;  // d
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, kind, status, reason, relay, remote_mta, diagnostic, is_dsn_relayed,
            is_repeatable, children, connected_microseconds, transmitted_microseconds);
  }
};

/// One message to recipients that share a route. The body is `body`, or the descriptor beside it
/// when envelope.body_is_file. envelope.recipients holds just these recipients.
struct Attempt {
  static constexpr std::uint16_t type = 106;
  struct Outcomes {
    std::vector<Outcome> outcomes;
    std::int32_t process = 0;  // which one made the attempt, for the log
    template <class Archive>
    void fields(Archive& archive) {
      archive(outcomes, process);
    }
  };
  using Reply = Outcomes;
  Envelope envelope;
  Route route;
  bool is_repeat = false;  // an earlier attempt may have got through: look for its file first
  std::string body;
  template <class Archive>
  void fields(Archive& archive) {
    archive(envelope, route, is_repeat, body);
  }
};

/// Asks the master for a deliver process of this account's uid, linked to us as kind `deliver:UID`
/// (`deliver:own` for own users, `deliver:nobody` for default_privs).
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
  template <class Archive>
  void fields(Archive& archive) {
    archive(account, is_system);
  }
};

}  // namespace pennypost::smtp
