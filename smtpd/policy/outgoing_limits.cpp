#include "smtpd/policy/outgoing_limits.h"

#include <algorithm>
#include <limits>

#include "common/base/text.h"
#include "common/base/wire.h"
#include "common/log/log.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t hour_steps = 12;
constexpr Seconds hour_step{300};
constexpr std::size_t day_steps = 24;
constexpr Seconds day_step{3600};
constexpr Seconds hour_life{3600};
constexpr Seconds day_life{86400};
constexpr std::size_t name_bytes_max = 512;
constexpr Seconds kept_life{known_recipient_life};

}  // namespace

void SlidingCount::add(std::int64_t now, std::uint64_t recipients, std::uint64_t new_recipients) {
  std::int64_t number = now / step_;
  auto size = static_cast<std::int64_t>(counts_.size());
  if (number - last_ >= size) {
    std::ranges::fill(counts_, Count());
  } else {
    for (std::int64_t i = last_ + 1; i <= number; ++i) {
      counts_[static_cast<std::size_t>(i % size)] = Count();
    }
  }
  last_ = std::max(last_, number);
  Count& count = counts_[static_cast<std::size_t>(last_ % size)];
  ++count.messages;
  count.recipients += recipients;
  count.new_recipients += new_recipients;
}

std::uint64_t SlidingCount::sum(std::int64_t now, std::uint64_t Count::*what) const {
  std::uint64_t all = 0;
  auto size = static_cast<std::int64_t>(counts_.size());
  std::int64_t first = std::max(now / step_ - size + 1, last_ - size + 1);
  for (std::int64_t i = std::max<std::int64_t>(first, 0); i <= last_; ++i) {
    all += counts_[static_cast<std::size_t>(i % size)].*what;
  }
  return all;
}

std::uint64_t SlidingCount::messages(std::int64_t now) const { return sum(now, &Count::messages); }

std::uint64_t SlidingCount::recipients(std::int64_t now) const {
  return sum(now, &Count::recipients);
}

std::uint64_t SlidingCount::new_recipients(std::int64_t now) const {
  return sum(now, &Count::new_recipients);
}

/// One of the settings.
struct OutgoingLimits::Row {
  std::string_view setting;
  Limit Settings::*limit;
  bool is_of_domain;
  bool is_of_day;
  bool counts_recipients;
  std::size_t number;  // among those of a user, or of a domain
};

const std::array<OutgoingLimits::Row, 2 * OutgoingLimits::limit_count>& OutgoingLimits::rows() {
  using S = Settings;
  static const std::array<Row, 2 * limit_count> all{{
      {"outgoing_user_messages_per_hour", &S::outgoing_user_messages_per_hour, false, false, false,
       0},
      {"outgoing_user_messages_per_day", &S::outgoing_user_messages_per_day, false, true, false, 1},
      {"outgoing_user_recipients_per_hour", &S::outgoing_user_recipients_per_hour, false, false,
       true, 2},
      {"outgoing_user_recipients_per_day", &S::outgoing_user_recipients_per_day, false, true, true,
       3},
      {"outgoing_domain_messages_per_hour", &S::outgoing_domain_messages_per_hour, true, false,
       false, 0},
      {"outgoing_domain_messages_per_day", &S::outgoing_domain_messages_per_day, true, true, false,
       1},
      {"outgoing_domain_recipients_per_hour", &S::outgoing_domain_recipients_per_hour, true, false,
       true, 2},
      {"outgoing_domain_recipients_per_day", &S::outgoing_domain_recipients_per_day, true, true,
       true, 3},
  }};
  return all;
}

bool OutgoingLimits::has_limits(const Config& config) {
  return counts_new_recipients(config) || std::ranges::any_of(rows(), [&](const Row& row) {
           return !(config.*row.limit).is_none();
         });
}

/// `@example.com`; a login without a domain belongs to auth_realm.
std::string OutgoingLimits::domain_of(const std::string& user, const Config& config) {
  auto at = user.rfind('@');
  return "@" + lower(at == user.npos ? config.auth_realm : user.substr(at + 1));
}

bool OutgoingLimits::is_exempt(const std::string& user, const Config& config) {
  std::string domain = domain_of(user, config);
  return std::ranges::any_of(config.outgoing_limit_exempt_users, [&](const std::string& item) {
    return equal_nocase(item, user) || equal_nocase(item, domain);
  });
}

const OutgoingLimits::Sender* OutgoingLimits::find(const std::string& name) const {
  auto found = senders_.find(name);
  return found != senders_.end() ? &found->second : nullptr;
}

OutgoingLimits::Sender& OutgoingLimits::get(const std::string& name) {
  auto [entry, is_new] = senders_.try_emplace(name);
  Sender& sender = entry->second;
  if (!is_new) {
    by_age_.splice(by_age_.end(), by_age_, sender.position);
    return sender;
  }
  sender.hour = SlidingCount(hour_steps, hour_step);
  sender.day = SlidingCount(day_steps, day_step);
  sender.warned_until.resize(limit_count);
  sender.since = clock_.now_seconds();
  sender.position = by_age_.insert(by_age_.end(), name);
  while (senders_.size() > outgoing_senders_max) forget_oldest();
  return sender;
}

void OutgoingLimits::forget_oldest() {
  senders_.erase(by_age_.front());
  by_age_.pop_front();
}

std::uint64_t OutgoingLimits::used(const Row& row, const std::string& user,
                                   const Config& config) const {
  const Sender* sender = find(row.is_of_domain ? domain_of(user, config) : user);
  if (sender == nullptr) return 0;
  const SlidingCount& count = row.is_of_day ? sender->day : sender->hour;
  auto now = clock_.now_seconds();
  return row.counts_recipients ? count.recipients(now) : count.messages(now);
}

AskAllowance::Allowance OutgoingLimits::allowance(const std::string& user, const Config& config) {
  AskAllowance::Allowance left;
  left.recipients = std::numeric_limits<std::uint64_t>::max();
  if (is_exempt(user, config)) return left;
  for (const Row& row : rows()) {
    Limit limit = config.*row.limit;
    if (limit.is_none()) continue;
    std::uint64_t before = used(row, user, config);
    std::uint64_t room = limit.value() > before ? limit.value() - before : 0;
    if (!row.counts_recipients && room > 0) continue;
    if (room < left.recipients) left = {room, std::string(row.setting)};
  }
  return left;
}

Error OutgoingLimits::refusal(const std::string& user, std::uint64_t recipients,
                              std::string_view setting) {
  log_warning("qmgr", user + " has reached " + std::string(setting) + ": mail to " +
                          std::to_string(recipients) + " recipients is refused");
  return Error(450, "4.7.1", "Error: too much mail from " + printable(user, 100));
}

/// Whether this message would make too many of the day's recipients new ones.
bool OutgoingLimits::has_too_many_new(const std::string& user, std::uint64_t recipients,
                                      std::uint64_t new_recipients, const Config& config) const {
  const Sender* sender = find(user);
  if (!counts_new_recipients(config) || sender == nullptr || new_recipients == 0) return false;
  auto now = clock_.now_seconds();
  if (now - sender->since < Seconds(history_min).count()) return false;
  std::uint64_t all = sender->day.recipients(now) + recipients;
  std::uint64_t fresh = sender->day.new_recipients(now) + new_recipients;
  std::uint64_t percent = config.outgoing_user_new_recipients_percent.value();
  return all >= config.outgoing_user_new_recipients_min && fresh * 100 > all * percent;
}

Result<std::vector<OutgoingWarning>> OutgoingLimits::note(const std::string& user,
                                                          std::uint64_t recipients,
                                                          std::uint64_t new_recipients,
                                                          const Config& config) {
  std::vector<OutgoingWarning> warnings;
  bool is_name = !user.empty() && user.size() <= name_bytes_max;
  if (!is_name || is_exempt(user, config)) return warnings;
  auto left = allowance(user, config);
  bool is_too_much = left.recipients < recipients || left.recipients == 0;
  if (is_too_much) return refusal(user, recipients, left.limit);
  if (has_too_many_new(user, recipients, new_recipients, config)) {
    return refusal(user, recipients, "outgoing_user_new_recipients_percent");
  }
  std::string domain = domain_of(user, config);
  count(user, recipients, new_recipients);
  count(domain, recipients, new_recipients);
  auto now = clock_.now_seconds();
  for (const Row& row : rows()) {
    Limit limit = config.*row.limit;
    if (limit.is_none()) continue;
    std::uint64_t sum = used(row, user, config);
    Sender& sender = get(row.is_of_domain ? domain : user);
    bool is_near = sum * 100 >= limit.value() * config.outgoing_limit_warning_percent;
    if (!is_near || sender.warned_until[row.number] > now) continue;
    sender.warned_until[row.number] = now + (row.is_of_day ? day_life : hour_life).count();
    std::string who = row.is_of_domain ? domain.substr(1) : user;
    warnings.push_back({std::move(who), std::string(row.setting), sum, limit.value()});
  }
  for (const std::string& name : {user, domain}) {
    keep_(std::string(key_prefix) + name, wire::encode(get(name)), now + kept_life.count());
  }
  return warnings;
}

void OutgoingLimits::count(const std::string& name, std::uint64_t recipients,
                           std::uint64_t new_recipients) {
  Sender& sender = get(name);
  auto now = clock_.now_seconds();
  sender.hour.add(now, recipients, new_recipients);
  sender.day.add(now, recipients, new_recipients);
}

void OutgoingLimits::restore(std::string_view key, std::string_view value) {
  if (!key.starts_with(key_prefix)) return;
  auto kept = wire::decode<Sender>(value);
  bool is_whole = kept && kept->hour.is_of(hour_steps, hour_step) &&
                  kept->day.is_of(day_steps, day_step) && kept->warned_until.size() == limit_count;
  if (!is_whole) return;
  std::string name(key.substr(key_prefix.size()));
  // What was counted since the start is too little to add up.
  if (senders_.contains(name)) return;
  Sender& sender = get(name);
  sender.hour = std::move(kept->hour);
  sender.day = std::move(kept->day);
  sender.warned_until = std::move(kept->warned_until);
  sender.since = kept->since;
}

}  // namespace pennypost::smtp
