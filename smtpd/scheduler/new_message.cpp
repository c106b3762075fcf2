#include "smtpd/scheduler/new_message.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/fixups.h"
#include "common/mail/header.h"
#include "smtpd/queue/incoming_header.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

std::string received(const Config& config, const QueueId& id, std::int64_t now) {
  ReceivedTrace trace;
  trace.protocol.esmtp = false;
  trace.by = config.myhostname;
  trace.mail_name = config.mail_name;
  trace.queue_id = id.value();
  trace.date = local_date(now);
  return received_field(trace, "\n");
}

/// A message that comes back to its filter's owner is known by this field.
std::string sent_on(const std::string& text, const Recipient& owner) {
  return make_field("Delivered-To", owner.served_address(), "\n") + text;
}

}  // namespace

NewMessage::NewMessage(QueueId id, std::string text, std::string recipient, const Config& config,
                       const Clock& clock)
    : body(std::move(text)) {
  envelope.id = std::move(id);
  envelope.arrival = clock.now().count();
  envelope.is_local = true;
  envelope.body_bytes = body.size();
  envelope.body_line_ends = static_cast<std::uint64_t>(std::ranges::count(body, '\n'));
  Piece trace;
  trace.text = received(config, envelope.id, clock.now_seconds());
  Piece whole;
  whole.length = body.size();
  envelope.pieces = {std::move(trace), std::move(whole)};
  Recipient to;
  to.address = to.original = std::move(recipient);
  envelope.recipients = {std::move(to)};
}

NewMessage reply_message(const store::AutomaticReply& reply, const Envelope& original,
                         const Recipient& owner, const std::string& sender, const Config& config,
                         const Clock& clock) {
  auto to = MailAddress::parse(reply.recipient, Utf8::Allowed);
  NewMessage made(make_queue_id(clock), reply.is_redirect ? sent_on(reply.text, owner) : reply.text,
                  to ? to->text() : reply.recipient, config, clock);
  auto& envelope = made.envelope;
  auto header = std::string_view(made.body).substr(0, header_bytes(made.body));
  envelope.message_id = header_facts(header).message_id;
  envelope.is_8bit = !is_ascii(made.body);
  envelope.requires_tls = original.requires_tls;
  if (reply.is_redirect) {
    envelope.sender = sender;
    envelope.recipients[0].notify = notify_failure;
  } else if (reply.is_from_owner) {
    envelope.sender = owner.served_address();
  } else {
    envelope.recipients[0].notify = notify_never;
  }
  envelope.is_smtputf8 =
      !is_ascii(header) || !is_ascii(envelope.sender) || !is_ascii(reply.recipient);
  return made;
}

}  // namespace pennypost::smtp
