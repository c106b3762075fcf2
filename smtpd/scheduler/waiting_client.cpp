#include "smtpd/scheduler/waiting_client.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t reason_bytes_max = 300;  // of a delivery, in a reply

using Children = std::multimap<std::int64_t, std::uint32_t>;

bool is_failed(const RecipientRecord& entry) {
  return entry.state == RecipientState::Done && entry.status.starts_with('5');
}

bool is_delivered(const RecipientRecord& entry) {
  return entry.state == RecipientState::Done && !is_failed(entry);
}

/// A reply's code for an enhanced status code of the class `first`: RFC 5321 section 4.2.3 has
/// codes of their own for mailboxes and for room.
std::uint16_t code_for(std::string_view status, int first) {
  int code = first * 100;
  bool is_about_room = status.ends_with(".2.2") || status.ends_with(".3.1");
  bool is_about_mailbox = status.substr(1).starts_with(".1.") || status.ends_with(".2.1");
  if (is_about_room) return static_cast<std::uint16_t>(code + 52);
  if (is_about_mailbox) return static_cast<std::uint16_t>(code + 50);
  return static_cast<std::uint16_t>(code + (first == 4 ? 51 : 54));
}

Fate delivered(const QueueId& id, std::string_view reason) {
  Fate fate;
  fate.code = 250;
  fate.status = "2.0.0";
  fate.text = "Ok: " + id.value() + ": " + printable(reason, reason_bytes_max);
  return fate;
}

Fate not_delivered(const RecipientRecord& about, const std::string& address, int first) {
  bool is_of_class = about.status.starts_with(first == 4 ? '4' : '5');
  Fate fate;
  fate.status = is_of_class ? about.status : first == 4 ? "4.3.2" : "5.0.0";
  fate.code = code_for(fate.status, first);
  std::string reason = about.reason.empty() ? "not tried now" : about.reason;
  fate.text =
      "<" + printable(address, reason_bytes_max) + ">: " + printable(reason, reason_bytes_max);
  return fate;
}

/// A recipient of the client's with all that it was expanded or redirected to.
class Family {
 public:
  Family(QueuedMessage& message, const Children& children, std::uint32_t number)
      : message_(message), own_(number) {
    gather(number, children);
  }

  Fate fate() {
    const RecipientRecord& own = message_.recipient(own_);
    const std::string& address = own.recipient.original;
    const RecipientRecord* pending = nullptr;
    const RecipientRecord* failed = nullptr;
    const RecipientRecord* sent = is_delivered(own) ? &own : nullptr;
    bool is_expanded = own.state == RecipientState::Expanded;
    for (auto number : members_) {
      const RecipientRecord& entry = message_.recipient(number);
      if (is_delivered(entry) && sent == nullptr) sent = &entry;
      if (entry.state == RecipientState::Pending && pending == nullptr) pending = &entry;
      if (is_failed(entry) && failed == nullptr) failed = &entry;
    }
    if (sent != nullptr) return delivered(message_.id(), sent->reason);
    // What it leads to is what another recipient leads to as well, and answered for there.
    if (is_expanded && pending == nullptr && failed == nullptr) {
      return delivered(message_.id(), "as for another recipient");
    }
    Fate fate = pending != nullptr ? not_delivered(*pending, address, 4)
                                   : not_delivered(*failed, address, 5);
    give_back();
    return fate;
  }

 private:
  void gather(std::uint32_t number, const Children& children) {
    std::vector<std::uint32_t> open{number};
    while (!open.empty()) {
      auto next = open.back();
      open.pop_back();
      if (!seen_.insert(next).second) continue;
      members_.push_back(next);
      auto [begin, end] = children.equal_range(next);
      for (auto child = begin; child != end; ++child) open.push_back(child->second);
    }
  }

  /// Makes all of it finished, without a report.
  void give_back() {
    for (auto number : members_) {
      RecipientRecord& entry = message_.change(number);
      entry.report = ReportDue::None;
      if (entry.state == RecipientState::Pending) entry.state = RecipientState::Done;
    }
  }

  QueuedMessage& message_;
  std::uint32_t own_;
  std::set<std::uint32_t> seen_;
  std::vector<std::uint32_t> members_;
};

}  // namespace

Task<> WaitingClient::until_answered() {
  while (!is_over_) co_await answered_.wait();
}

Task<std::vector<Fate>> WaitingClient::wait(Duration longest) {
  co_await within(loop_, longest, until_answered());
  is_over_ = true;
  if (fates_) co_return *std::move(fates_);
  Fate kept;
  kept.code = 250;
  kept.status = "2.0.0";
  kept.text = "Ok: queued";
  co_return std::vector<Fate>(recipients_.size(), kept);
}

ClientLink::~ClientLink() {
  if (!client_) return;
  client_->is_over_ = true;
  client_->answered_.notify_all();
}

std::size_t ClientLink::answer(QueuedMessage& message) {
  if (client_->is_over_) return 0;
  client_->fates_ = take_fates(message, client_->recipients_);
  client_->is_over_ = true;
  client_->answered_.notify_all();
  return static_cast<std::size_t>(
      std::ranges::count_if(*client_->fates_, [](const Fate& fate) { return fate.code != 250; }));
}

std::vector<Fate> take_fates(QueuedMessage& message, const std::vector<std::uint32_t>& asked) {
  Children children;
  for (const auto& [number, entry] : message.recipients()) {
    if (entry.parent >= 0) children.emplace(entry.parent, number);
  }
  std::map<std::uint32_t, Fate> known;
  const Fate* worst = nullptr;
  for (auto number : asked) {
    if (!message.recipients().contains(number) || known.contains(number)) continue;
    const Fate& fate =
        known.emplace(number, Family(message, children, number).fate()).first->second;
    // What may yet succeed is worse than what is certain, since the client must keep the mail.
    bool is_worse = worst == nullptr || worst->code / 100 == 2 ||
                    (worst->code / 100 == 5 && fate.code / 100 == 4);
    if (is_worse) worst = &fate;
  }
  std::vector<Fate> fates;
  for (auto number : asked) {
    auto found = known.find(number);
    if (found != known.end()) {
      fates.push_back(found->second);
    } else {
      fates.push_back(worst != nullptr ? *worst : delivered(message.id(), "discarded"));
    }
  }
  return fates;
}

}  // namespace pennypost::smtp
