// Describes a local delivery, what a filter decides about it, and how it ended.
//
// A DeliveryFilter is called once per attempt to deliver a message to one recipient. It may choose
// any number of copies in folders, redirects and replies, or refuse the message. If it chooses
// nothing, the message is discarded.
//
//   placements  Two placements in one folder make one copy, with the flags and keywords of both. If
//               one fails (invalid name, over quota), a plain copy goes to INBOX instead, so that
//               no mail is lost (RFC 5228 section 2.10.6: the implicit keep).
//   redirects   Handled like an address in the recipient's .forward: the envelope's sender stays,
//               Delivered-To is added, and the same limits stop loops.
//   replies     New messages, from the null sender or the recipient's own address; also the
//               delivered message itself for another address, if the filter has changed it.
//
// The store only places copies. Redirects and replies are returned in the DeliveryOutcome; the
// queue adds them in the commit that records the delivery, so none is lost or sent twice. A failed
// delivery returns none.
//
// After a crash or a failure the filter is called again for the same delivery (same queue id and
// recipient number). A filter with a memory, such as whom it has answered, must then choose the
// same; it writes that memory in remember(), when the copies are stored. A Maildir folder gets its
// copy once; in an mbox, which stores no queue ids, a crash before the commit may leave the copy
// twice.
//
// LIMITS     delivery_actions_max, delivery_reply_bytes_max, delivery_resent_bytes_max; a choice
//            beyond them is replaced by a plain copy in INBOX
// STANDARDS  RFC 5228 sections 2.10.3 (one copy per folder) and 2.10.6 (errors), RFC 3834 (replies)
// SEE ALSO   mailbox.h (MailStore::deliver)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

/// The most placements, redirects and replies together that a filter may choose for a message.
inline constexpr std::size_t delivery_actions_max = 32;
/// The most bytes in the text of one reply.
inline constexpr std::size_t delivery_reply_bytes_max = 256 * 1024;
/// The most bytes of a changed message that is redirected, and of all of one delivery together.
inline constexpr std::size_t delivery_resent_bytes_max = 8 * 1024 * 1024;

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

/// A copy in a folder.
struct Placement {
  std::string folder = "INBOX";  ///< as MailStore::parse_own_name() takes it; created when missing
  Flags flags;
  std::vector<std::string> keywords;
  /// The message as the filter has changed it, in place of Delivery::body; null: as it is there.
  std::shared_ptr<const std::string> text = nullptr;
};

/// A message that answers the delivered one, or announces it.
struct AutomaticReply {
  std::string recipient;       ///< user@domain
  bool is_from_owner = false;  ///< envelope sender: the recipient's address; false: null
  /// Header and body with LF line ends. The header has an Auto-Submitted other than `no`, unless
  /// is_redirect.
  std::string text;
  /// It is the delivered message with the filter's changes: the envelope's sender stays, and
  /// Delivered-To is added.
  bool is_redirect = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, is_from_owner, text, is_redirect);
  }
};

/// Everything that is done with one message for one recipient.
struct DeliveryChoice {
  std::vector<Placement> placements;
  std::vector<std::string> redirects;  ///< user@domain
  std::vector<AutomaticReply> replies;
  /// If set, nothing else is done, and the sender gets a report (5.7.1) with this text.
  std::optional<std::string> refusal;
  /// If set, nothing else is done, and the delivery is tried again later.
  std::optional<Error> deferral;
  std::vector<std::string> warnings;  ///< for the log: what the filter could not do

  /// A plain copy in INBOX.
  static DeliveryChoice keep();
};

/// Decides what is done with a message before it is stored, as a Sieve script does.
class DeliveryFilter {
 public:
  virtual ~DeliveryFilter() = default;
  virtual DeliveryChoice choose(const Delivery& delivery) = 0;
  /// Called when the copies are stored, before redirects and replies are given to the queue. Error:
  /// the memory can't be written; then nobody is answered.
  virtual Result<void> remember() { return {}; }
};

/// Everything into INBOX without flags.
class KeepInInbox final : public DeliveryFilter {
 public:
  DeliveryChoice choose(const Delivery&) override { return DeliveryChoice::keep(); }
};

/// Everything into one folder, as for junk.
class KeepInFolder final : public DeliveryFilter {
 public:
  explicit KeepInFolder(std::string folder) : folder_(std::move(folder)) {}
  DeliveryChoice choose(const Delivery&) override {
    auto choice = DeliveryChoice::keep();
    choice.placements.front().folder = folder_;
    return choice;
  }

 private:
  std::string folder_;
};

/// How one attempt ended.
struct DeliveryOutcome {
  enum class Kind {
    Delivered,
    Retry,
    Bounce,
    Discarded,  ///< no copy was chosen
  };

  Kind kind = Kind::Delivered;
  std::string dsn;              ///< RFC 3463, as in "2.0.0", "4.2.2"
  std::string reason;           ///< for the log and the report, as in "delivered to maildir"
  bool is_partly_done = false;  ///< Retry, but a copy is stored: the next attempt must look for it
  std::vector<std::string> redirects;   ///< where kind is Delivered or Discarded
  std::vector<AutomaticReply> replies;  ///< likewise
  std::vector<std::string> warnings;    ///< for the log: choices that were not carried out
};

/// Check a redirect's address and a reply; the error says what is wrong. The queue calls them again
/// on what a deliver process returns.
Result<void> check_redirect(const std::string& address);
Result<void> check_reply(const AutomaticReply& reply);

/// Return-Path, X-Original-To and Delivered-To, each with its LF.
std::string delivery_headers(const Delivery& delivery);

}  // namespace pennypost::store
