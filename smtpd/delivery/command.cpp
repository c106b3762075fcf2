#include "smtpd/delivery/command.h"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/process/running_program.h"
#include "smtpd/delivery/message_pieces.h"

namespace pennypost::smtp {
namespace {

using Kind = store::DeliveryOutcome::Kind;
using SteadyClock = std::chrono::steady_clock;

struct Exit {
  int status;
  const char* dsn;
  const char* words;
};
constexpr std::array exits{
    Exit{64, "5.3.0", "command line usage error"},
    Exit{65, "5.6.0", "data format error"},
    Exit{66, "5.3.0", "cannot open input"},
    Exit{67, "5.1.1", "user unknown"},
    Exit{68, "5.1.2", "host name unknown"},
    Exit{69, "5.3.0", "service unavailable"},
    Exit{70, "5.3.0", "internal software error"},
    Exit{71, "5.3.0", "system resource problem"},
    Exit{72, "5.3.0", "critical OS file missing"},
    Exit{73, "5.2.0", "can't create user output file"},
    Exit{74, "5.3.0", "input/output error"},
    Exit{75, "4.3.0", "temporary failure"},
    Exit{76, "5.5.0", "remote error in protocol"},
    Exit{77, "5.7.0", "permission denied"},
    Exit{78, "5.3.5", "local configuration error"},
};

store::DeliveryOutcome outcome(Kind kind, std::string dsn, std::string reason) {
  store::DeliveryOutcome made;
  made.kind = kind;
  made.dsn = std::move(dsn);
  made.reason = std::move(reason);
  return made;
}

ProgramStart start_of(const CommandRun& run) {
  ProgramStart start;
  start.words = run.arguments;
  if (start.words.empty()) start.words = {"/bin/sh", "-c", run.command};
  start.environment = run.environment;
  start.directory = run.directory;
  start.is_directory_required = run.is_directory_required;
  start.output_bytes_max = command_output_bytes_max;
  start.joins_errors = true;
  return start;
}

/// Changes line ends and quotes the beginnings of lines, as a command wants them.
class LineChanges {
 public:
  explicit LineChanges(const CommandRun& run) : run_(run) {
    for (const auto& [beginning, mark] : run.quoted_beginnings) {
      longest_ = std::max(longest_, beginning.size());
    }
  }

  /// Whether the message stays as it is.
  bool are_none() const { return longest_ == 0 && run_.line_end == "\n"; }
  std::string change(std::string_view part) {
    std::string changed;
    for (char c : part) {
      bool may_be_quoted = is_at_start_ && longest_ > 0;
      is_at_start_ = may_be_quoted || c == '\n';
      if (!may_be_quoted) {
        put(c, changed);
        continue;
      }
      begun_ += c;
      if (c == '\n' || begun_.size() == longest_) settle(changed);
    }
    return changed;
  }
  /// What is still held back at the end.
  std::string finish() {
    std::string changed;
    settle(changed);
    return changed;
  }

 private:
  void settle(std::string& changed) {
    for (const auto& [beginning, mark] : run_.quoted_beginnings) {
      if (begun_.starts_with(beginning)) changed += mark;
    }
    is_at_start_ = begun_.ends_with('\n');
    for (char c : begun_) put(c, changed);
    begun_.clear();
  }
  void put(char c, std::string& changed) const {
    if (c == '\n') {
      changed += run_.line_end;
    } else {
      changed += c;
    }
  }

  const CommandRun& run_;
  std::size_t longest_ = 0;
  std::string begun_;  // of a line, until it is known whether it is to be quoted
  bool is_at_start_ = true;
};

/// Gives the command its head, the message and its tail. False at the deadline. Error: the message
/// can't be read.
Result<bool> feed_all(RunningProgram& running, const CommandRun& run, const store::Pieces& message,
                      SteadyClock::time_point deadline) {
  LineChanges changes(run);
  char last = '\n';
  auto feed = [&](std::string_view text) {
    if (text.empty()) return true;
    last = text.back();
    if (changes.are_none()) return running.feed(text, deadline);
    return running.feed(changes.change(text), deadline);
  };
  CommandRun plain;
  plain.line_end = run.line_end;
  LineChanges of_head(plain);
  bool in_time = running.feed(of_head.change(run.head), deadline);
  TRY_DO(read_pieces(message, [&](std::string_view part) {
    in_time = in_time && feed(part);
    return in_time;
  }));
  bool is_to_be_ended = !run.tail.empty() && last != '\n';
  in_time = in_time && (!is_to_be_ended || feed("\n"));
  in_time = in_time && (changes.are_none() || running.feed(changes.finish(), deadline));
  return in_time && running.feed(of_head.change(run.tail), deadline);
}

}  // namespace

store::DeliveryOutcome outcome_of_exit(int exit_status, const std::string& command,
                                       const std::string& output) {
  std::string shown = printable(command, 200);
  std::string said(trim(output));
  std::replace(said.begin(), said.end(), '\n', ' ');
  std::string_view rest = said;
  auto status = EnhancedStatus::take(rest);
  if (exit_status != 0 && status && status->status_class != 2) {
    auto kind = status->status_class == 4 ? Kind::Retry : Kind::Bounce;
    return outcome(kind, status->text(), printable(rest, 500));
  }
  if (!said.empty()) said = ". Command output: " + printable(said, 500);
  if (exit_status == 0) {
    return outcome(Kind::Delivered, "2.0.0", "delivered to command: " + shown + said);
  }
  auto known = std::find_if(exits.begin(), exits.end(),
                            [&](const Exit& exit) { return exit.status == exit_status; });
  if (known == exits.end()) {
    return outcome(
        Kind::Bounce, "5.3.0",
        "Command died with status " + std::to_string(exit_status) + ": \"" + shown + "\"" + said);
  }
  auto kind = known->dsn[0] == '4' ? Kind::Retry : Kind::Bounce;
  return outcome(kind, known->dsn, known->words + said);
}

store::DeliveryOutcome run_command(const CommandRun& run, const store::Pieces& message) {
  auto deadline = SteadyClock::now() + run.time_limit;
  RunningProgram running(start_of(run));
  if (!running.is_started()) {
    return outcome(Kind::Retry, "4.3.0", std::string("can't start a command: ") + strerror(errno));
  }
  auto in_time = feed_all(running, run, message, deadline);
  if (!in_time) return outcome(Kind::Retry, "4.3.0", in_time.error().text());
  auto status = *in_time ? running.finish(deadline) : std::nullopt;
  if (!status) {
    return outcome(Kind::Retry, "4.3.0",
                   "Command time limit exceeded: \"" + printable(run.command, 200) + "\"");
  }
  if (WIFSIGNALED(*status)) {
    return outcome(Kind::Retry, "4.3.0",
                   "Command died with signal " + std::to_string(WTERMSIG(*status)) + ": \"" +
                       printable(run.command, 200) + "\"");
  }
  auto made = outcome_of_exit(WEXITSTATUS(*status), run.command, running.output());
  bool is_named = made.kind == Kind::Delivered && !run.success.empty();
  if (is_named) made.reason.replace(0, made.reason.find(". Command output: "), run.success);
  return made;
}

}  // namespace pennypost::smtp
