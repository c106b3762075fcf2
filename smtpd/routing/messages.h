// What `queue` and `receive` ask `lookup` about addresses: what they expand to, where they lead,
// and how they are rewritten.
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

/// Look at the tables again before anything else is answered: an admin flushes after a change.
/// Posted, not called: what is asked afterwards is answered by the new tables.
struct LookAtTables {
  static constexpr std::uint16_t type = 113;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
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

}  // namespace pennypost::smtp
