#include "smtpd/queue/record.h"

#include <algorithm>
#include <iterator>

#include "common/base/wire.h"

namespace pennypost::smtp {
namespace keys {

std::string envelope(const QueueId& id) { return std::string(envelopes) + id.value(); }
std::string body(const QueueId& id) { return std::string(bodies) + id.value(); }
std::string message(const QueueId& id) { return std::string(messages) + id.value(); }
std::string dropped(const std::string& name) { return 'd' + name; }
std::string recipients_of(const QueueId& id) { return std::string(recipients) + id.value(); }

std::string recipient(const QueueId& id, std::uint32_t number) {
  std::string key = recipients_of(id);
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>((number >> shift) & 0xff);
  return key;
}

std::uint32_t number_of(std::string_view recipient_key) {
  std::uint32_t number = 0;
  for (char byte : recipient_key.substr(recipient_key.size() - 4)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

}  // namespace keys

bool is_possible(const RecipientRecord& record, std::uint32_t number) {
  const Recipient& recipient = record.recipient;
  bool is_address = recipient.kind == RecipientKind::Address;
  // A parent's number is lower than its children's, so a walk up to the root ends.
  return recipient.number == number && number <= recipient_number_max && record.parent >= -1 &&
         record.parent < std::int64_t{number} && recipient.kind <= RecipientKind::Include &&
         is_possible_notify(recipient.notify) && (!is_address || recipient.run_as.empty()) &&
         record.state <= RecipientState::Done && record.report <= ReportDue::Expired;
}

Result<MessageRecord> decode_message_record(std::string_view bytes) {
  auto record = wire::decode<MessageRecord>(bytes);
  if (record) return record;
  auto first = wire::decode<FirstMessageRecord>(bytes);
  if (!first) return record;
  return MessageRecord(*std::move(first));
}

void Changes::put(std::string key, std::string value) {
  bytes_ += key.size() + value.size();
  entries_.push_back(Entry{Kind::Put, std::move(key), std::move(value)});
}

void Changes::erase(std::string key) {
  bytes_ += key.size();
  entries_.push_back(Entry{Kind::Erase, std::move(key), {}});
}

void Changes::single_erase(std::string key) {
  bytes_ += key.size();
  entries_.push_back(Entry{Kind::SingleErase, std::move(key), {}});
}

void Changes::append(Changes other) {
  std::move(other.entries_.begin(), other.entries_.end(), std::back_inserter(entries_));
  std::move(other.files_to_remove_.begin(), other.files_to_remove_.end(),
            std::back_inserter(files_to_remove_));
  bytes_ += other.bytes_;
  has_new_file_ = has_new_file_ || other.has_new_file_;
}

void Changes::write(std::span<const Changes* const> all, store::Batch& batch) {
  std::vector<const Entry*> sorted;
  for (const Changes* changes : all) {
    for (const Entry& entry : changes->entries_) sorted.push_back(&entry);
  }
  std::ranges::stable_sort(sorted, {}, &Entry::key);
  for (const Entry* entry : sorted) {
    switch (entry->kind) {
      case Kind::Put:
        batch.put(entry->key, entry->value);
        break;
      case Kind::Erase:
        batch.erase(entry->key);
        break;
      case Kind::SingleErase:
        batch.single_erase(entry->key);
        break;
    }
  }
}

}  // namespace pennypost::smtp
