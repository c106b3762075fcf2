// Counts what users send, and says when a user or the users of a domain have reached one of the
// outgoing_... limits: a stolen password must not make this host a source of spam.
//
// A user is known by login, or as the system user who runs sendmail. An hour is counted in steps of
// five minutes, a day in steps of an hour, so that a count falls gradually. Counts outlive a
// restart by what keep() is given; they are then restored.
//
// New recipients are those to whom a user has not written in known_recipient_life. Their share is
// looked at from history_min after the user's first mail on: before that nearly all are new.
//
// LIMITS    outgoing_senders_max users and domains, of whom those longest without mail are
//           forgotten first
// SEE ALSO  outgoing_messages.h (who asks), ../scheduler/usage_notice.h (what postmaster is told)
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "smtpd/policy/outgoing_messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t outgoing_senders_max = 100'000;
inline constexpr std::chrono::days known_recipient_life{90};
inline constexpr std::chrono::days history_min{7};

/// How much was sent within a time, in steps of which the oldest falls off.
class SlidingCount {
 public:
  SlidingCount() = default;
  /// `steps` of `step` each make the whole time.
  SlidingCount(std::size_t steps, Seconds step) : step_(step.count()), counts_(steps) {}

  void add(std::int64_t now, std::uint64_t recipients, std::uint64_t new_recipients);
  std::uint64_t messages(std::int64_t now) const;
  std::uint64_t recipients(std::int64_t now) const;
  std::uint64_t new_recipients(std::int64_t now) const;

  template <class Archive>
  void fields(Archive& archive) {
    archive(step_, last_, counts_);
  }
  /// Whether it is one of `steps` of `step`, as restored ones may not be.
  bool is_of(std::size_t steps, Seconds step) const {
    return step_ == step.count() && counts_.size() == steps;
  }

 private:
  struct Count {
    std::uint64_t messages = 0;
    std::uint64_t recipients = 0;
    std::uint64_t new_recipients = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(messages, recipients, new_recipients);
    }
  };
  std::uint64_t sum(std::int64_t now, std::uint64_t Count::*what) const;

  std::int64_t step_ = 1;      // seconds
  std::int64_t last_ = 0;      // the number of the latest step since 1970
  std::vector<Count> counts_;  // by the number of the step modulo their number
};

/// A limit that is nearly reached, which postmaster is told once in its hour or day.
struct OutgoingWarning {
  std::string sender;   ///< the user, or the domain
  std::string setting;  ///< outgoing_user_recipients_per_hour
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

class OutgoingLimits {
 public:
  /// Keeps a text under a key until a time in seconds since 1970.
  using Keep = std::function<void(std::string key, std::string value, std::int64_t until)>;
  OutgoingLimits(const Clock& clock, Keep keep) : clock_(clock), keep_(std::move(keep)) {}

  /// The beginning of the keys that keep() is given.
  static constexpr std::string_view key_prefix = "o/";
  /// Takes back what keep() was given; ignored where it does not parse.
  void restore(std::string_view key, std::string_view value);

  /// Whether there is any limit, so that counting makes sense.
  static bool has_limits(const Config& config);
  /// Whether note() must know how many recipients are new.
  static bool counts_new_recipients(const Config& config) {
    return !config.outgoing_user_new_recipients_percent.is_none();
  }
  /// How many recipients a user's next message may have.
  AskAllowance::Allowance allowance(const std::string& user, const Config& config);
  /// Counts a message, and returns what postmaster is to be warned of. Error 450 4.7.1: it would
  /// exceed a limit, and is not counted.
  Result<std::vector<OutgoingWarning>> note(const std::string& user, std::uint64_t recipients,
                                            std::uint64_t new_recipients, const Config& config);
  std::size_t size() const { return senders_.size(); }

 private:
  static constexpr std::size_t limit_count = 4;  // of a user, or of a domain
  struct Sender {
    SlidingCount hour;
    SlidingCount day;
    std::vector<std::int64_t> warned_until;  // by the limit
    std::int64_t since = 0;                  // the first mail, in seconds since 1970
    std::list<std::string>::iterator position;
    template <class Archive>
    void fields(Archive& archive) {
      archive(hour, day, warned_until, since);
    }
  };
  struct Row;
  static const std::array<Row, 2 * limit_count>& rows();
  static bool is_exempt(const std::string& user, const Config& config);
  static std::string domain_of(const std::string& user, const Config& config);
  const Sender* find(const std::string& name) const;
  Sender& get(const std::string& name);
  std::uint64_t used(const Row& row, const std::string& user, const Config& config) const;
  bool has_too_many_new(const std::string& user, std::uint64_t recipients,
                        std::uint64_t new_recipients, const Config& config) const;
  static Error refusal(const std::string& user, std::uint64_t recipients, std::string_view setting);
  void count(const std::string& name, std::uint64_t recipients, std::uint64_t new_recipients);
  void forget_oldest();

  const Clock& clock_;
  Keep keep_;
  std::map<std::string, Sender> senders_;  // by user; domains with an @ before them
  std::list<std::string> by_age_;          // the most recently active last
};

}  // namespace pennypost::smtp
