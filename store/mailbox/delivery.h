// What local delivery hands to the mailbox, and what it gets back.
//
// SEE ALSO   mailbox.h (MailStore::deliver)
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "store/mailbox/message.h"

namespace pennypost::store {

/// One message for one final recipient. On top of `body` come, in this order, `Return-Path:`,
/// `X-Original-To:` and `Delivered-To:`, as Postfix's local(8) does; for an mbox also the From_
/// line.
struct Delivery {
  std::string return_path;   ///< the envelope's sender without <>; empty: the null sender
  std::string delivered_to;  ///< the final address; empty: no such header
  std::string original_to;   ///< the address before expansion; empty: no such header
  std::string queue_id;      ///< letters and digits only; with the number it makes the Maildir name
  std::uint32_t recipient_number = 0;
  std::int64_t arrival_seconds = 0;  ///< when the message was queued; the same at every attempt
  bool maybe_repeated = true;  ///< an earlier attempt may have got through: look before writing
  Pieces body;                 ///< header and body as queued
};

/// Where a message is to be put.
struct Placement {
  std::string folder = "INBOX";  ///< created when missing
  Flags flags;
  std::vector<std::string> keywords;
};
struct Discard {};
struct Reject {
  std::string reason;
};
using DeliveryChoice = std::variant<Placement, Discard, Reject>;

/// Asked once before a message is stored: the place where a Sieve script speaks.
class DeliveryFilter {
 public:
  virtual ~DeliveryFilter() = default;
  virtual DeliveryChoice choose(const Delivery& delivery) = 0;
};

/// Everything into INBOX without flags.
class KeepInInbox final : public DeliveryFilter {
 public:
  DeliveryChoice choose(const Delivery&) override { return Placement{}; }
};

/// How one attempt ended.
struct DeliveryOutcome {
  enum class Kind { Delivered, Retry, Bounce };

  Kind kind = Kind::Delivered;
  std::string dsn;     ///< RFC 3463, as in "2.0.0", "4.2.2"
  std::string reason;  ///< for the log and the report, as in "delivered to maildir"
};

}  // namespace pennypost::store
