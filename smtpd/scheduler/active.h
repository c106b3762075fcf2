// What the scheduler knows of a message while it is active, and of recipients that go together.
//
// For scheduler.cpp and the files that define its members: resolve.cpp, attempt.cpp, settle.cpp,
// admin.cpp.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

inline constexpr std::int64_t busy_seconds =
    30;  // until mail that a busy destination refused returns
inline constexpr int damaged = static_cast<int>(store::StorageProblem::Damaged);

struct Scheduler::Active {
  explicit Active(QueueId of) : id(std::move(of)) {}
  QueueId id;
  std::unique_ptr<QueuedMessage> message;
  std::optional<std::string> body;
  Microseconds since{0};
  std::int64_t due = 0;
  bool is_uncertain = false;
  bool is_flushed = false;    // tried whatever defer_transports says
  bool was_refused = false;   // a destination had no place for it
  bool was_deferred = false;  // an attempt was made, or none is possible now
  bool is_repeatable = true;  // all it has led to would be found by another attempt
  std::set<std::uint32_t> tried;
  std::optional<std::set<std::string>> delivered_to;  // what the header says, once it was read
  std::size_t groups_left = 0;
  // What an admin asked for meanwhile.
  bool is_to_be_removed = false;
  bool is_to_be_flushed = false;
  bool is_to_be_held = false;
  bool is_to_be_requeued = false;
  std::optional<Operation> asked_last;
};

struct Scheduler::Group {
  Route route;
  std::string run_as;
  std::string via;
  std::string sender;
  std::vector<std::uint32_t> recipients;
  Microseconds begun{0};
  bool was_sent = false;     // to a process that may have done something
  std::int32_t process = 0;  // whose attempt it was; 0: nobody's
};

/// What a recipient is: asked, and answered.
struct Scheduler::Question {
  explicit Question(std::uint32_t of) : number(of) {}
  std::uint32_t number;
  Result<Resolution> answer{Error::temporary("4.3.0 not asked")};
};

/// The component of its log lines; its name in settings, where the route gives it no other.
std::string transport_name(Transport transport);

/// An Error whose text may begin with an enhanced status code.
Outcome outcome_from(const Error& error, OutcomeKind kind);

}  // namespace pennypost::smtp
