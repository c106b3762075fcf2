// Reads a message as it goes out: its header, and then the hash of its body.
//
// SEE ALSO   signing.h, sealing.h (who needs both)
#pragma once

#include <cstddef>
#include <string>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/mail/header.h"
#include "smtpd/delivery/message_source.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/queue/incoming_header.h"

namespace pennypost::smtp {

class MessageReader {
 public:
  /// `body`: the file of the body, if there is one, which stays the caller's.
  MessageReader(Loop& loop, const Attempt& request, const Descriptor& body);

  /// Error: it is longer than what may stand in the queue as a header, or can't be read.
  Task<Result<std::string>> header();
  /// In relaxed form. Called after header().
  Task<Result<std::string>> body_hash();

 private:
  Loop& loop_;
  MessageSource source_;
  std::string text_;
  HeaderEnd end_;
};

}  // namespace pennypost::smtp
