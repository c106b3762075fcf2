// The bytes of a maildrop file, of a request on the queue's socket, or of a process's envelope in;
// no crash, and only what the rules allow, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/pickup/control.h"
#include "smtpd/pickup/drop_file.h"
#include "smtpd/queue/check_envelope.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/queued_message.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A record as the queue finds it in its database: each walk along parents must end.
void look_at(RecipientRecord record) {
  std::uint32_t number = record.recipient.number;
  if (!is_possible(record, number)) return;
  auto again = wire::decode<RecipientRecord>(wire::encode(record));
  ASSERT(again && is_possible(*again, number));
  Recipient child = record.recipient;
  bool is_pending = record.state == RecipientState::Pending;
  QueuedMessage message(Envelope(), std::nullopt, {std::move(record)});
  ASSERT(message.pending_count() == (is_pending ? 1 : 0));
  if (is_pending && number < message_recipients_max) {
    auto added = message.expand(number, {child, child}, 10);
    ASSERT(added && added->size() <= 2);
    message.expand_again();
  }
  Changes changes;
  message.save(changes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto head = parse_drop_head(input)) {
    ASSERT(head->bytes <= input.size());
    ASSERT(check_submission(head->submission));
    auto again = parse_drop_head(drop_head(head->submission));
    ASSERT(again && again->submission.recipients == head->submission.recipients);
  }
  if (auto submitted = wire::decode<Submit>(input)) {
    if (check_envelope(submitted->envelope, submitted->body.size())) {
      ASSERT(is_queue_id(submitted->envelope.id.value()));
      QueuedMessage message(submitted->envelope);
      ASSERT(message.pending_count() > 0);
      for (auto number : message.pending()) {
        ASSERT(message.recipient(number).recipient.kind == RecipientKind::Address);
      }
    }
  }
  if (auto entry = wire::decode<ListQueue::Entry>(input)) {
    std::string json = entry_json(*entry);
    ASSERT(json.find('\n') == json.size() - 1);
  }
  (void)wire::decode<ChangeQueue>(input);
  if (auto record = wire::decode<RecipientRecord>(input)) look_at(*std::move(record));
  std::string text = message_text(input, false);
  ASSERT(text.empty() || text.back() == '\n');
  return 0;
}
