#include "smtpd/queue/check_envelope.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/queued_message.h"

namespace pennypost::smtp {
namespace {

Error wrong(const std::string& what) { return Error(501, "5.5.4", "malformed envelope: " + what); }

bool is_text(const std::string& text) {
  return text.size() <= envelope_text_bytes_max &&
         std::ranges::none_of(text, [](char c) { return is_control(c); });
}

Result<void> check_pieces(const Envelope& envelope) {
  if (envelope.pieces.size() > envelope_pieces_max) return wrong("too many pieces");
  std::uint64_t added = 0;
  for (const auto& piece : envelope.pieces) {
    added += piece.text.size();
    bool is_range = piece.length != 0;
    if (is_range && !piece.text.empty()) return wrong("a piece is both text and range");
    if (is_range &&
        (piece.offset > envelope.body_bytes || piece.length > envelope.body_bytes - piece.offset)) {
      return wrong("a piece extends beyond the body");
    }
  }
  if (added > added_text_bytes_max) return wrong("too much added text");
  return {};
}

Result<void> check_recipients(const Envelope& envelope) {
  if (envelope.recipients.empty()) return wrong("no recipients");
  if (envelope.recipients.size() > message_recipients_max) return wrong("too many recipients");
  std::set<std::uint32_t> numbers;
  for (const auto& recipient : envelope.recipients) {
    if (recipient.number > message_recipients_max) return wrong("invalid recipient number");
    if (!numbers.insert(recipient.number).second) return wrong("duplicate recipient number");
    if (recipient.kind != RecipientKind::Address || !recipient.run_as.empty() ||
        recipient.has_own_sender || recipient.is_self || !recipient.via.empty() ||
        recipient.depth != 0) {
      return wrong("a recipient with properties that only the queue may set");
    }
    if (!is_possible_notify(recipient.notify)) return wrong("invalid NOTIFY");
    if (recipient.address.empty() || !is_text(recipient.address) || !is_text(recipient.original) ||
        !is_text(recipient.orcpt) || !is_text(recipient.sender)) {
      return wrong("a recipient's text is missing, too long or has control characters");
    }
  }
  return {};
}

}  // namespace

Result<void> check_envelope(const Envelope& envelope, std::size_t inline_bytes) {
  if (!is_queue_id(envelope.id.value())) return wrong("invalid queue id");
  for (const auto* text :
       {&envelope.sender, &envelope.client_name, &envelope.client_address, &envelope.helo,
        &envelope.protocol, &envelope.sasl_method, &envelope.sasl_username, &envelope.message_id,
        &envelope.envid, &envelope.filter, &envelope.verp}) {
    if (!is_text(*text)) return wrong("a text is too long or has control characters");
  }
  if (!envelope.verp.empty() && envelope.verp.size() != 2) return wrong("invalid VERP delimiters");
  if (envelope.arrival < 0) return wrong("invalid arrival time");
  if (envelope.ret > Ret::Headers) return wrong("invalid RET");
  if (!envelope.body_is_file && envelope.body_bytes != inline_bytes)
    return wrong("wrong body size");
  if (envelope.body_is_file && inline_bytes != 0) return wrong("a body both inline and in a file");
  if (envelope.body_line_ends > envelope.body_bytes) return wrong("more line ends than bytes");
  TRY_DO(check_pieces(envelope));
  return check_recipients(envelope);
}

}  // namespace pennypost::smtp
