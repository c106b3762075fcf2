// Sends each domain that wants one a report of what was collected about it the day before.
//
// Looks for days that are over when it starts, and then once an hour: so reports leave within an
// hour after midnight UTC, when exactly depends on when the server was started, and hosts do not
// all send at once. A report is in the queue before what it says is forgotten; a crash in between
// sends it twice, with the same id. Where DNS does not answer it is tried again an hour later, and
// given up after days_kept. So it is where a web server that a report is posted to does not accept
// it, for post_time_max; who has got the report by then is not sent it again, except after a
// restart. Where reports are turned off, what is there is removed.
//
// STANDARDS  RFC 8460 section 5.5 (when a report that can't be delivered is sent again)
// SEE ALSO   reporter.h (DMARC), tls_reporter.h, daily_lines.h (what is collected)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/policy/report_messages.h"
#include "smtpd/reports/daily_lines.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

class DailyReporter {
 public:
  /// How it reaches the rest of the queue process.
  struct Ask {
    std::function<std::shared_ptr<const Config>()> config;
    /// Where a domain's reports go.
    std::function<Task<Result<FindReportTargets::Targets>>(FindReportTargets)> find_targets;
    /// Posts a report to a web server.
    std::function<Task<Result<Done>>(PostReport)> post;
    /// Puts a message into the queue; it survives a power cut when this returns.
    std::function<Task<Result<void>>(NewMessage)> submit;
  };
  static constexpr std::chrono::hours round{1};
  static constexpr std::int64_t days_kept = 3;
  static constexpr std::chrono::hours post_time_max{24};  // after the end of the day; at least once

  virtual ~DailyReporter() = default;
  DailyReporter(const DailyReporter&) = delete;
  DailyReporter& operator=(const DailyReporter&) = delete;
  /// Sends what is due, for ever.
  Task<> run();
  /// Sends, or removes, what is of days before today.
  Task<> send_due();

 protected:
  using Collection = DailyLines::Collection;
  /// What a day's lines come to.
  struct Written {
    bool is_empty = true;               // there is nothing to tell
    std::optional<NewMessage> message;  // nothing: no address, or all want less
    std::string content_type;           // of what is posted
    std::string content;
  };
  /// `component`: in log lines, `dmarc`.
  DailyReporter(Loop& loop, std::string component, Ask ask, const Clock& clock)
      : loop_(loop), component_(std::move(component)), ask_(std::move(ask)), clock_(clock) {}

  virtual DailyLines& lines() = 0;
  virtual bool is_wanted(const Config& config) const = 0;
  virtual ReportKind kind() const = 0;
  /// The message, of this id, and what is posted. Blocks; any thread.
  virtual Result<Written> write(QueueId id, const Collection& collection,
                                const FindReportTargets::Targets& to,
                                const Config& config) const = 0;
  /// Keeps what `add` adds; that it can't be kept is logged once a day.
  Task<> keep(std::function<Result<void>(std::int64_t now)> add);
  const Clock& clock() const { return clock_; }

 private:
  Task<Result<void>> send(Collection collection);
  Task<Result<void>> mail(Collection collection, NewMessage message);
  Task<Result<void>> post(Collection collection, std::vector<std::string> web, Written written);
  Task<Result<void>> drop(Collection collection);
  bool is_too_old(const Collection& collection) const;
  bool is_post_time_over(const Collection& collection) const;
  bool has_got(const Collection& collection, const std::string& target) const;
  void note_got(const Collection& collection, const std::string& target);

  Loop& loop_;
  const std::string component_;
  Ask ask_;
  const Clock& clock_;
  std::string warned_;  // the day of the last warning
  /// Who has got the report of a collection that is kept for others: by `DAY/DOMAIN`.
  std::map<std::string, std::set<std::string>> got_;
};

}  // namespace pennypost::smtp
