// Requests of `receive` to `lookup` about a client: whether it may send this mail, and how many
// events it has caused lately; and of `queue` about a user of this host.
//
// SEE ALSO   ../process/lookup.h (who answers), evaluate.h, client_counts.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/user_list.h"
#include "common/process/port.h"

namespace pennypost::smtp {

/// A reply as policy gives it; code 0: none.
struct PolicyReply {
  std::uint16_t code = 0;
  std::string status;  // enhanced status code
  std::string text;
  template <class Archive>
  void fields(Archive& archive) {
    archive(code, status, text);
  }
};

/// A log line about a decision: `hold: RCPT from client[192.0.2.7]: text`. Without an action it is
/// a warning to the administrator.
struct PolicyNote {
  std::string action;  // warn, info, hold, discard, redirect, bcc, reject_warning
  std::string text;
  std::uint16_t code = 0;  // of the reply that warn_if_reject took back; 0: none, text alone
  std::string status;
  friend bool operator==(const PolicyNote&, const PolicyNote&) = default;
  template <class Archive>
  void fields(Archive& archive) {
    archive(action, text, code, status);
  }
};

/// The certificate that a client has shown in TLS.
struct ClientCertificate {
  std::string name;             // the subject's common name
  std::string issuer;           // the issuer's
  std::string fingerprint;      // of the certificate: 0A:1B:…
  std::string key_fingerprint;  // of its public key
  bool is_trusted = false;      // by the authorities of the settings
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, issuer, fingerprint, key_fingerprint, is_trusted);
  }
};

/// What policy servers and milters want to know beyond what the restrictions need.
struct SessionFacts {
  std::string state;     // the command that is answered: CONNECT, HELO, EHLO, MAIL, RCPT, …
  std::string protocol;  // SMTP, ESMTP
  std::uint16_t client_port = 0;
  std::string server_address;
  std::uint16_t server_port = 0;
  std::string queue_id;  // empty before the first recipient
  std::string instance;  // the same for all questions about one message; empty before MAIL
  std::uint64_t size = 0;
  std::string sasl_method;
  std::string sasl_sender;  // AUTH= of MAIL
  std::string tls_protocol;
  std::string tls_cipher;
  std::uint32_t tls_bits = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(state, protocol, client_port, server_address, server_port, queue_id, instance, size,
            sasl_method, sasl_sender, tls_protocol, tls_cipher, tls_bits);
  }
};

/// Asks whether a local user may do something with the queue; only sent if not everybody may.
/// Errors are temporary.
struct CheckUser {
  static constexpr std::uint16_t type = 140;
  struct Answer {
    bool is_allowed = false;
    std::string name;  // the user's, `unknown` if there is no such user
    template <class Archive>
    void fields(Archive& archive) {
      archive(is_allowed, name);
    }
  };
  using Reply = Answer;
  LocalRight right = LocalRight::Submit;
  std::uint32_t uid = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(right, uid);
  }
};

/// Asks whether this client may send mail from this sender to this recipient.
struct CheckRecipient {
  static constexpr std::uint16_t type = 103;
  struct Verdict {
    std::uint16_t code = 250;  // 250: accept; otherwise the code of the refusal
    std::string status;        // enhanced status code, 2.1.5
    std::string text;          // with its subject: `<bob@example.org>: Relay access denied`
    bool hold = false;
    bool discard = false;              // take it and throw it away
    bool may_relay = false;            // RELAY for this client in an access table
    std::vector<std::string> prepend;  // header lines to put on top
    std::string redirect;              // who gets the message in place of all recipients
    std::vector<std::string> bcc;      // who gets it as well
    std::string filter;                // FILTER: the content filter, `transport:destination`
    std::vector<PolicyNote> notes;
    PolicyReply deferral;  // defer_if_permit: the answer where a later stage permits
    // The evaluation has come to `sleep`: ask again after this time, with one sleep more.
    std::uint32_t sleep_seconds = 0;
    bool has_quota = false;    // accepted, for the mailbox of an own user with a quota: AskRoom
    bool is_for_once = false;  // a policy server was asked, who may answer otherwise the next time
    template <class Archive>
    void fields(Archive& archive) {
      archive(code, status, text, hold, discard, may_relay, prepend, redirect, bcc, filter, notes,
              deferral, sleep_seconds, has_quota, is_for_once);
    }
  };
  using Reply = Verdict;
  std::string service;                 // its name: smtp, submission, …
  std::string client_name;             // verified in DNS, or `unknown`
  std::string reverse_name;            // the PTR name, unverified, or `unknown`
  bool is_name_lookup_failed = false;  // DNS did not answer, so `unknown` may be temporary
  std::string client_address;
  std::string helo;
  std::string sender;
  std::string recipient;
  std::string sasl_username;
  bool is_authenticated = false;
  bool is_in_mynetworks = false;  // known for certain; if not, lookup checks mynetworks itself
  bool is_own_address = false;    // the client connects from this host
  bool is_encrypted = false;
  bool is_pipelining_early = false;  // it sent commands ahead where it must not
  bool may_relay = false;            // from an earlier verdict on this client
  std::uint32_t recipients = 0;      // how many the message has so far
  std::uint32_t sleeps = 0;          // how many `sleep` of the lists are over
  PolicyReply deferral;              // as a verdict of an earlier stage said
  std::string etrn_domain;           // of ETRN
  bool is_lmtp = false;              // only what has a mailbox or an alias here may be accepted
  std::optional<ClientCertificate> certificate;
  std::optional<SessionFacts> facts;  // only if somebody may ask for them
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, client_name, reverse_name, is_name_lookup_failed, client_address, helo, sender,
            recipient, sasl_username, is_authenticated, is_in_mynetworks, is_own_address,
            is_encrypted, is_pipelining_early, may_relay, recipients, sleeps, deferral, etrn_domain,
            is_lmtp, certificate, facts);
  }
};

/// Evaluates one restriction list (`smtpd_client_restrictions` …) for a client.
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

/// What smtpd_reject_footer_maps add to a refusal.
struct FindFooter {
  static constexpr std::uint16_t type = 120;
  struct Footer {
    bool is_found = false;
    std::string text;
    template <class Archive>
    void fields(Archive& archive) {
      archive(is_found, text);
    }
  };
  using Reply = Footer;
  std::string service;
  std::string refusal;  // 554 5.7.1 text
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, refusal);
  }
};

/// Reports an event of a client to the one process that counts for all receive processes.
struct CountClient {
  static constexpr std::uint16_t type = 108;
  enum class Event : std::uint8_t { Message, Recipient, Login };
  friend constexpr Event wire_last(Event) { return Event::Login; }
  struct Counts {
    std::uint32_t in_unit = 0;  // events within anvil_rate_time_unit, including this one
    template <class Archive>
    void fields(Archive& archive) {
      archive(in_unit);
    }
  };
  using Reply = Counts;
  std::string address;  // for IPv6 its /64 network
  Event event = Event::Message;
  template <class Archive>
  void fields(Archive& archive) {
    archive(address, event);
  }
};

}  // namespace pennypost::smtp
