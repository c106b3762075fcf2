// Answers an LMTP client once its message has been tried: one reply for each recipient. Members of
// Session.
//
// Before that the dialogue is SMTP's, with LHLO in place of EHLO. What refuses a message as a whole
// refuses it to each of its recipients. A client is not read from while it waits, and need not be
// there any more: it has no answer then, and sends the message again.
//
// STANDARDS  RFC 2033 section 4.2 (a reply for each recipient after the final dot), section 4.3
// (and
//            after BDAT LAST)
// SEE ALSO   ../scheduler/waiting_client.h (what becomes of the recipients, and for how long)
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

Task<Reply> Session::deliver(Submit message) {
  Deliver ask;
  ask.message = std::move(message);
  ask.recipients = transaction_->awaited;
  const auto count = ask.recipients.size();
  std::string id = transaction_->id.value();
  auto answer = co_await context_->backend().deliver(std::move(ask));
  forwarded_.reset();
  transaction_.reset();
  if (answer && answer->fates.size() != count) {
    answer = Error::temporary("4.3.0", "the queue answered for other recipients");
  }
  if (!answer) {
    Reply reply(answer.error());
    log_warning("smtpd", id + ": not delivered: " + reply.summary());
    co_return std::move(reply).repeated(count);
  }
  errors_.clear();
  for (std::size_t i = 0;; ++i) {
    const Fate& fate = answer->fates[i];
    Reply reply(fate.code, fate.status, fate.text);
    if (i + 1 == count) co_return std::move(reply);
    co_await send(std::move(reply));
  }
}

}  // namespace pennypost::smtp
