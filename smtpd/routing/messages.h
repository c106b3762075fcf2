// Requests of `queue` and `receive` to `lookup` about addresses: their expansions and routes, and
// how they are rewritten.
//
// SEE ALSO   ../process/lookup.h (who answers), router.h
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"
#include "smtpd/routing/route.h"

namespace pennypost::smtp {

/// The result of resolving a recipient: an expansion or a route.
struct Resolution {
  bool is_expansion = false;        // replaced by `children`, in one commit
  std::vector<Recipient> children;  // the queue sets their numbers
  bool is_error = false;            // `route` is an Error route with the reason
  Route route;
  std::string srs_sender;  // replaces the sender of forwarded mail; empty: it stays
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_expansion, children, is_error, route, srs_sender);
  }
};

/// Resolves a recipient by one step: expands it, or finds its route. Errors are temporary.
struct Resolve {
  static constexpr std::uint16_t type = 105;
  using Reply = Resolution;
  Recipient recipient;
  std::string sender;
  std::string filter;     // the message's content filter, `transport:destination`; empty: none
  bool is_probe = false;  // of an address that is verified: address_verify_transport_maps and kin
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, sender, filter, is_probe);
  }
};

/// Rewrites the addresses of an incoming message by canonical maps and masquerade_domains, and
/// finds who gets a blind copy; only sent if a setting asks for one of these. Errors are temporary:
/// a table can't be read now.
struct Canonicalize {
  static constexpr std::uint16_t type = 111;
  struct Address {
    std::string text;
    bool is_recipient = false;  // from a recipient field; otherwise from a sender field
    template <class Archive>
    void fields(Archive& archive) {
      archive(text, is_recipient);
    }
  };
  struct Rewritten {
    std::string sender;
    std::vector<std::string> in_header;  // in the order of the request
    std::vector<std::string> copies;     // complete addresses
    template <class Archive>
    void fields(Archive& archive) {
      archive(sender, in_header, copies);
    }
  };
  using Reply = Rewritten;
  std::string sender;                   // the envelope's; an empty one stays empty
  std::vector<Address> in_header;       // each once
  std::vector<std::string> recipients;  // only if there are recipient_bcc_maps
  template <class Archive>
  void fields(Archive& archive) {
    archive(sender, in_header, recipients);
  }
};

/// Rewrites the addresses of a message that leaves by SMTP or LMTP, by smtp_generic_maps or
/// lmtp_generic_maps; only sent if there are some. Errors are temporary: a table can't be read now.
struct Generalize {
  static constexpr std::uint16_t type = 131;
  struct Rewritten {
    std::string sender;
    std::vector<std::string> others;  // in the order of the request
    template <class Archive>
    void fields(Archive& archive) {
      archive(sender, others);
    }
  };
  using Reply = Rewritten;
  Transport transport = Transport::Smtp;
  std::string sender;               // the envelope's; an empty one stays empty
  std::vector<std::string> others;  // recipients, and addresses in the header
  template <class Archive>
  void fields(Archive& archive) {
    archive(transport, sender, others);
  }
};

/// Makes `lookup` check the tables for changes before it answers anything else, since an admin
/// flushes after a change. Posted, without waiting for an answer: requests that are sent afterwards
/// are answered from the new tables.
struct LookAtTables {
  static constexpr std::uint16_t type = 113;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// Tells `lookup` whether the last delivery found an account's mailbox full; posted, without
/// waiting for an answer.
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

}  // namespace pennypost::smtp
