// Fills a queue with waiting messages, for bench/waiting_queue: each has been tried once and is due
// in a week. Writes the records themselves, since to submit a million messages takes long.
//
//   fill_queue QUEUE_DIRECTORY COUNT
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>

#include "common/base/clock.h"
#include "common/base/wire.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/queue/record.h"
#include "store/kv/database.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::size_t batch_messages = 1000;
constexpr std::int64_t week_seconds = 7 * 86400;

std::string body_of(std::size_t number) {
  std::string body = "From: ann@example.net\nTo: user" + std::to_string(number) +
                     "@example.org\nSubject: number " + std::to_string(number) + "\n\n";
  for (int line = 0; line < 8; ++line)
    body += "A line of the text, as long as lines usually are.\n";
  return body;
}

Envelope envelope_of(std::size_t number, std::size_t body_bytes) {
  Envelope envelope;
  envelope.id = make_queue_id(Clock::system());
  envelope.arrival = Clock::system().now().count();
  envelope.sender = "ann@example.net";
  envelope.client_name = "client.example.net";
  envelope.client_address = "192.0.2.7";
  envelope.helo = "client.example.net";
  envelope.protocol = "ESMTPS";
  envelope.message_id = "<" + envelope.id.value() + "@client.example.net>";
  envelope.body_bytes = body_bytes;
  Piece received;
  received.text =
      "Received: from client.example.net (client.example.net [192.0.2.7])\n"
      "\tby mail.example.org (Pennypost) with ESMTPS id " +
      envelope.id.value() + "\n\tfor <user@example.org>; Sun, 29 Nov 2026 12:00:00 +0000 (UTC)\n";
  Piece whole;
  whole.length = body_bytes;
  envelope.pieces = {std::move(received), std::move(whole)};
  Recipient recipient;
  recipient.address =
      "user" + std::to_string(number) + "@example" + std::to_string(number % 1000) + ".org";
  recipient.original = recipient.address;
  envelope.recipients.push_back(std::move(recipient));
  return envelope;
}

void put(store::Batch& batch, std::size_t number) {
  auto body = body_of(number);
  auto envelope = envelope_of(number, body.size());
  MessageRecord record;
  record.pending = 1;
  record.due = Clock::system().now_seconds() + week_seconds;
  RecipientRecord outcome;
  outcome.recipient = envelope.recipients[0];
  outcome.status = "4.4.1";
  outcome.reason = "connect to mx.example.org[198.51.100.9]:25: Connection timed out";
  outcome.relay = "none";
  batch.put(keys::envelope(envelope.id), wire::encode(envelope));
  batch.put(keys::body(envelope.id), body);
  batch.put(keys::message(envelope.id), wire::encode(record));
  batch.put(keys::recipient(envelope.id, 0), wire::encode(outcome));
}

Result<void> fill(const std::string& directory, std::size_t count) {
  TRY(auto database, store::Database::open(directory + "/db", store::Profile::queue()));
  for (std::size_t number = 0; number < count;) {
    store::Batch batch;
    for (std::size_t end = std::min(count, number + batch_messages); number < end; ++number) {
      put(batch, number);
    }
    TRY_DO(database.commit(batch, store::Sync::No));
  }
  store::Batch last;
  last.put(keys::form, stored_form);
  last.put(keys::stopped, "clean");
  TRY_DO(database.commit(last, store::Sync::Yes));
  // As the database is when its messages have come over hours.
  TRY_DO(database.flush());
  return database.compact();
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  std::string number = argc == 3 ? argv[2] : "";
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (number.empty() || error != std::errc() || *end != '\0') {
    std::fputs("usage: fill_queue QUEUE_DIRECTORY COUNT\n", stderr);
    return 64;
  }
  auto filled = fill(argv[1], count);
  if (!filled) std::fprintf(stderr, "fill_queue: %s\n", filled.error().text().c_str());
  return filled ? 0 : 1;
}
