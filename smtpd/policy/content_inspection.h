// Takes one message through header_checks and body_checks, in the process that has it.
//
// begin() with the header, feed() with what follows; whenever check() is due it asks `lookup` about
// what has come, and gives what is to be done.
//
// LIMITS  checked_at_once_bytes gathered before a question, content_actions_bytes_max in all
// SEE ALSO   content_checks.h
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "smtpd/policy/content_checks.h"

namespace pennypost::smtp {

inline constexpr std::size_t checked_at_once_bytes = 256 * 1024;

class ContentInspection {
 public:
  using Ask = std::function<Task<Result<CheckContent::Findings>>(CheckContent)>;
  /// `settings`: those of `service`; they must outlive this.
  ContentInspection(Ask ask, std::string_view service, const Settings& settings,
                    ContentScope scope = ContentScope::Incoming)
      : ask_(std::move(ask)), service_(service), settings_(settings), scope_(scope) {}

  /// `header`: all fields, ours on top included. `body_offset`: where the body begins in the
  /// content. Then check().
  void begin(std::string header, std::uint64_t body_offset);
  /// What follows, with LF line ends. True: check() is due.
  bool feed(std::string_view piece);
  /// Whether what follows matters at all.
  bool wants_more() const { return scanner_.has_value(); }
  /// Nothing follows; check() is due.
  void finish();

  /// What is to be done because of what came since the last call. Errors: 451 (it can't be told
  /// now), 552 (too much is to be done).
  Task<Result<ContentVerdict>> check(LogTransaction line);

 private:
  Task<Result<ContentVerdict>> ask(std::vector<MimeBlock> blocks, const LogTransaction& line);

  Ask ask_;
  std::string service_;
  const Settings& settings_;
  const ContentScope scope_;
  std::vector<MimeBlock> waiting_;
  std::optional<MimeScanner> scanner_;  // where more than the header matters
  std::uint32_t milliseconds_left_ = 0;
  std::size_t actions_bytes_ = 0;
};

}  // namespace pennypost::smtp
