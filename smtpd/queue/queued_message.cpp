#include "smtpd/queue/queued_message.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "common/base/wire.h"
#include "common/mail/address.h"
#include "smtpd/queue/verp.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view loop_reason = "mail forwarding loop for ";
constexpr std::string_view depth_reason = "too many expansions lead to ";

/// The requested reports without the one for success.
std::uint8_t without_success(std::uint8_t notify) {
  auto left = static_cast<std::uint8_t>(notify & ~notify_success);
  return left == 0 && notify != notify_default ? std::uint8_t{notify_never} : left;
}

/// The same text for all spellings of an address, command or file.
std::string address_key(const Recipient& recipient) {
  if (recipient.kind != RecipientKind::Address) {
    constexpr std::string_view kinds = "@|/:";
    return kinds[static_cast<std::size_t>(recipient.kind)] + recipient.run_as + '\n' +
           recipient.address;
  }
  auto address = MailAddress::parse(recipient.address, Utf8::Allowed);
  return '@' + (address ? address->key() : recipient.address);
}

}  // namespace

std::string destination_key(const Recipient& recipient) {
  std::string key = address_key(recipient);
  if (recipient.is_self) key.insert(0, 1, '\\');
  if (recipient.is_virtual_self) key.insert(0, 1, '=');
  return key;
}

void put_new(Changes& changes, const Envelope& envelope, std::string body) {
  changes.put(keys::envelope(envelope.id), wire::encode(envelope));
  if (envelope.body_is_file) {
    changes.needs_body_directory();
  } else {
    changes.put(keys::body(envelope.id), std::move(body));
  }
}

QueuedMessage::QueuedMessage(Envelope envelope)
    : QueuedMessage(std::move(envelope), std::nullopt, {}) {}

QueuedMessage::QueuedMessage(Envelope envelope, std::optional<MessageRecord> record,
                             std::vector<RecipientRecord> outcomes)
    : envelope_(std::move(envelope)), record_is_stored_(record.has_value()) {
  if (record) {
    record_ = *record;
  } else {
    record_.due = envelope_.arrival / 1'000'000;
    record_.is_held = envelope_.is_held;
  }
  std::unordered_set<std::string> seen;
  bool is_single = envelope_.recipients.size() == 1;
  for (auto& recipient : envelope_.recipients) {
    RecipientRecord entry;
    std::uint32_t number = recipient.number;
    record_.next_number = std::max(record_.next_number, number + 1);
    // A recipient named twice gets one copy.
    if (!is_single && !seen.insert(destination_key(recipient)).second) continue;
    entry.recipient = std::move(recipient);
    recipients_[number] = std::move(entry);
  }
  envelope_.recipients.clear();
  for (auto& outcome : outcomes) {
    std::uint32_t number = outcome.recipient.number;
    recipients_[number] = std::move(outcome);
    stored_[number].is_stored = true;
    record_.next_number = std::max(record_.next_number, number + 1);
  }
}

/// Only expansion needs the keys, which take most of the time that it takes to load a message.
void QueuedMessage::index_keys() {
  if (std::exchange(has_keys_, true)) return;
  for (const auto& [number, entry] : recipients_) {
    by_key_.emplace(destination_key(entry.recipient), number);
  }
}

const RecipientRecord& QueuedMessage::recipient(std::uint32_t number) const {
  auto found = recipients_.find(number);
  ASSERT(found != recipients_.end());
  return found->second;
}

RecipientRecord& QueuedMessage::change(std::uint32_t number) {
  auto found = recipients_.find(number);
  ASSERT(found != recipients_.end());
  stored_[number].is_changed = true;
  return found->second;
}

std::vector<std::uint32_t> QueuedMessage::pending() const {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, entry] : recipients_) {
    if (entry.state == RecipientState::Pending) numbers.push_back(number);
  }
  return numbers;
}

std::size_t QueuedMessage::pending_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(recipients_, [](const auto& entry) {
    return entry.second.state == RecipientState::Pending;
  }));
}

std::string QueuedMessage::sender_of(const Recipient& recipient) const {
  const std::string& sender = plain_sender_of(recipient);
  bool is_variable = !envelope_.verp.empty() && !recipient.has_own_sender;
  return is_variable ? verp_sender(sender, envelope_.verp, recipient.original) : sender;
}

const std::string& QueuedMessage::plain_sender_of(const Recipient& recipient) const {
  return recipient.has_own_sender ? recipient.sender : envelope_.sender;
}

std::uint32_t QueuedMessage::next_number() {
  record_is_changed_ = true;
  return record_.next_number++;
}

bool QueuedMessage::is_ancestor(std::uint32_t of, const std::string& key) const {
  for (std::int64_t number = of; number >= 0;) {
    auto found = recipients_.find(static_cast<std::uint32_t>(number));
    if (found == recipients_.end()) return false;
    if (address_key(found->second.recipient) == key) return true;
    number = found->second.parent;
  }
  return false;
}

Result<std::vector<std::uint32_t>> QueuedMessage::expand(std::uint32_t number,
                                                         std::vector<Recipient> children,
                                                         std::size_t depth_max) {
  TRY_DO(check_room_for(children));
  report_expansion(number, children);
  auto added = add(number, std::move(children), depth_max);
  change(number).state = RecipientState::Expanded;
  return added;
}

Result<std::vector<std::uint32_t>> QueuedMessage::redirect(std::uint32_t number,
                                                           std::vector<Recipient> children,
                                                           std::size_t depth_max) {
  TRY_DO(check_room_for(children));
  for (Recipient& child : children) child.notify = without_success(child.notify);
  return add(number, std::move(children), depth_max);
}

Result<void> QueuedMessage::check_room_for(const std::vector<Recipient>& children) const {
  if (recipients_.size() + children.size() <= message_recipients_max) return {};
  return Error(554, "5.4.6", "too many recipients after expansion");
}

/// Returns the numbers of the children that are new.
std::vector<std::uint32_t> QueuedMessage::add(std::uint32_t number, std::vector<Recipient> children,
                                              std::size_t depth_max) {
  index_keys();
  std::vector<std::uint32_t> added;
  std::string own_key = address_key(recipient(number).recipient);
  bool was_self = recipient(number).recipient.is_self;
  std::uint16_t depth = static_cast<std::uint16_t>(recipient(number).recipient.depth + 1);
  for (auto& child : children) {
    std::string key = address_key(child);
    // `\name` in an alias or .forward has is_self set already.
    bool is_own = key == own_key && !was_self && !child.is_virtual_self;
    child.is_self = child.is_self || is_own;
    bool is_loop = !child.is_self && !child.is_virtual_self && is_ancestor(number, key);
    key = destination_key(child);
    if (!is_loop && by_key_.contains(key)) continue;

    RecipientRecord entry;
    entry.recipient = std::move(child);
    entry.recipient.number = next_number();
    entry.recipient.depth = depth;
    entry.parent = number;
    bool is_too_deep = depth > depth_max;
    if (is_loop || is_too_deep) {
      entry.state = RecipientState::Done;
      entry.report = ReportDue::Failed;
      entry.status = "5.4.6";
      entry.relay = "none";
      entry.reason = std::string(is_loop ? loop_reason : depth_reason) + entry.recipient.address;
    } else {
      by_key_[std::move(key)] = entry.recipient.number;
    }
    added.push_back(entry.recipient.number);
    stored_[entry.recipient.number].is_changed = true;
    recipients_[entry.recipient.number] = std::move(entry);
  }
  return added;
}

/// RFC 3461 section 5.2.7: no single member may report success to the sender for the whole alias.
void QueuedMessage::report_expansion(std::uint32_t number, std::vector<Recipient>& children) {
  const Recipient& parent = recipient(number).recipient;
  bool is_list = std::ranges::any_of(children, [&](const Recipient& child) {
    return child.has_own_sender && (!parent.has_own_sender || child.sender != parent.sender);
  });
  if ((parent.notify & notify_success) == 0 || (!is_list && children.size() < 2)) return;
  for (Recipient& child : children) child.notify = without_success(child.notify);
  RecipientRecord& entry = change(number);
  // It is reported once, even if the configuration is corrected and the alias expanded again.
  entry.recipient.notify = without_success(entry.recipient.notify);
  entry.report = is_list ? ReportDue::Delivered : ReportDue::Expanded;
  entry.status = is_list ? "2.0.0" : "2.1.5";
  entry.reason = is_list ? "delivered to a mailing list" : "expanded to its members";
  entry.relay = "local";
  entry.remote_mta.clear();
  entry.diagnostic.clear();
}

void QueuedMessage::expand_again() {
  index_keys();
  // From the youngest up: an unfinished child is removed, and its parent becomes unfinished.
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, entry] : recipients_) numbers.push_back(number);
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    const auto& entry = recipients_.at(*number);
    if (entry.parent < 0 || entry.state != RecipientState::Pending) continue;
    auto parent = static_cast<std::uint32_t>(entry.parent);
    auto found = recipients_.find(parent);
    if (found == recipients_.end()) continue;                   // lost with a damaged log
    if (found->second.state == RecipientState::Done) continue;  // delivered, not replaced
    by_key_.erase(destination_key(entry.recipient));
    if (stored_[*number].is_stored) erased_.push_back(*number);
    stored_.erase(*number);
    recipients_.erase(*number);
    change(parent).state = RecipientState::Pending;
    by_key_[destination_key(recipient(parent).recipient)] = parent;
  }
}

void QueuedMessage::mark_uncertain() {
  for (auto& [number, entry] : recipients_) {
    if (entry.state == RecipientState::Pending) entry.is_uncertain = true;
  }
}

bool QueuedMessage::has_uncertain() const {
  return std::ranges::any_of(recipients_, [](const auto& entry) {
    return entry.second.state == RecipientState::Pending && entry.second.is_uncertain;
  });
}

bool QueuedMessage::is_finished() const {
  return std::ranges::none_of(recipients_, [](const auto& entry) {
    return entry.second.state == RecipientState::Pending || entry.second.report != ReportDue::None;
  });
}

void QueuedMessage::save(Changes& changes) {
  if (record_is_changed_) {
    record_.pending = static_cast<std::uint32_t>(pending_count());
    changes.put(keys::message(id()), wire::encode(record_));
    record_is_changed_ = false;
    record_is_stored_ = true;
  }
  for (auto number : erased_) changes.erase(keys::recipient(id(), number));
  erased_.clear();
  for (auto& [number, stored] : stored_) {
    if (!stored.is_changed) continue;
    changes.put(keys::recipient(id(), number), wire::encode(recipient(number)));
    stored.is_changed = false;
    stored.is_stored = true;
  }
}

void QueuedMessage::remove(Changes& changes) const {
  changes.single_erase(keys::envelope(id()));
  if (envelope_.body_is_file) {
    changes.remove_file_after(id());
  } else {
    changes.single_erase(keys::body(id()));
  }
  if (record_is_stored_) changes.erase(keys::message(id()));
  for (auto number : erased_) changes.erase(keys::recipient(id(), number));
  for (const auto& [number, stored] : stored_) {
    if (stored.is_stored) changes.erase(keys::recipient(id(), number));
  }
}

}  // namespace pennypost::smtp
