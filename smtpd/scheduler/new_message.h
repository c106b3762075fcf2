// Makes the new messages that a delivery leads to: reports to senders, and replies of filters.
//
// They enter the queue in the commit that records what they are about (active_message.h), with a
// Received field of this host at the top.
//
// SEE ALSO   reports.h, ../../store/mailbox/delivery.h (replies)
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/queue/envelope.h"
#include "store/mailbox/delivery.h"

namespace pennypost::smtp {

/// A message that is not yet in the queue.
struct NewMessage {
  /// `text` with LF line ends, from the null sender to one recipient.
  NewMessage(QueueId id, std::string text, std::string recipient, const Config& config,
             const Clock& clock);

  Envelope envelope;
  std::string body;
  std::string kind;  // of a report: `non-delivery`, `delay`, `delivery status`; else empty
  std::string reader = "sender";  // of a report: `sender` or `postmaster`
};

/// The reply of the filter of `owner`, the recipient of `original`. store::check_reply() has
/// accepted it. RFC 8689 section 6: it asks for TLS as the original did. The envelope's sender is
/// null or the owner's address; of the message itself, which the filter has changed and redirects,
/// it is `sender`, that of the delivered one.
NewMessage reply_message(const store::AutomaticReply& reply, const Envelope& original,
                         const Recipient& owner, const std::string& sender, const Config& config,
                         const Clock& clock);

}  // namespace pennypost::smtp
