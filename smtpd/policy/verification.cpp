// Refuses senders and recipients that the hosts of their domains do not take
// (reject_unverified_sender, reject_unverified_recipient).
//
// What can't be found out now is never refused for good. Mail to the sender of our own questions,
// and its own mail, is not verified: two hosts that verify each other's senders would otherwise
// never end.
//
// SEE ALSO   ../scheduler/address_verifier.h (who asks the other host)

#include "common/base/text.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

/// Whether it is the sender of the dialogues that verify addresses.
bool Evaluation::is_probe_sender(const std::string& text) const {
  const std::string& setting = settings_.address_verify_sender;
  if (text.empty() || setting.empty() || setting == "<>") return false;
  return equal_nocase(completed(text).text(), completed(setting).text());
}

Answer Evaluation::unverified(Subject subject, const std::string& text) {
  bool is_sender = subject == Subject::Sender;
  if (text.empty() || is_probe_sender(text) || is_probe_sender(request_.recipient)) {
    return Answer::Undecided;
  }
  auto found = tables_.verified(completed(text).text());
  if (found && found->state == AddressState::Deliverable) return Answer::Undecided;
  const char* status = is_sender ? "4.1.7" : "4.1.1";
  const std::string& action = is_sender ? settings_.unverified_sender_tempfail_action
                                        : settings_.unverified_recipient_tempfail_action;
  if (!found) {
    return refuse_later(action, 450, status, about(subject) + "address verification problem");
  }
  bool is_refused = found->state == AddressState::Undeliverable;
  auto refusal = is_sender ? settings_.unverified_sender_reject_code
                           : settings_.unverified_recipient_reject_code;
  auto deferral = is_sender ? settings_.unverified_sender_defer_code
                            : settings_.unverified_recipient_defer_code;
  int code = static_cast<int>(is_refused ? refusal : deferral);
  const std::string& words = is_sender ? settings_.unverified_sender_reject_reason
                                       : settings_.unverified_recipient_reject_reason;
  const std::string& reason = words.empty() ? found->reason : words;
  // As in Postfix, a code 4xx says nothing for certain, whatever the other host has said.
  if (code / 100 == 4) {
    return refuse_later(action, code, status, about(subject) + "unverified address: " + reason);
  }
  return refuse_about(subject, code, status, "undeliverable address: " + reason);
}

Answer Evaluation::reject_unverified_sender(const Restriction&) {
  return unverified(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unverified_recipient(const Restriction&) {
  return unverified(Subject::Recipient, request_.recipient);
}

}  // namespace pennypost::smtp
