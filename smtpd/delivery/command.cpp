#include "smtpd/delivery/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/descriptor.h"
#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/process/descriptor_limit.h"
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

/// A running command: a child process in a process group of its own, and pipes to its input and
/// output.
class Running {
 public:
  explicit Running(const CommandRun& run) {
    int input[2];
    int output[2];
    if (pipe2(input, O_CLOEXEC) != 0) return;
    Descriptor child_input(input[0]);
    to_ = Descriptor(input[1]);
    if (pipe2(output, O_CLOEXEC) != 0) return;
    from_ = Descriptor(output[0]);
    Descriptor child_output(output[1]);
    // Everything that allocates memory is done before the fork, since this process has other
    // threads.
    std::vector<std::string> texts;
    for (const auto& [name, value] : run.environment) texts.push_back(name + "=" + value);
    std::vector<char*> environment;
    for (auto& text : texts) environment.push_back(text.data());
    environment.push_back(nullptr);
    std::vector<std::string> words = run.arguments;
    if (words.empty()) words = {"/bin/sh", "-c", run.command};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string no_directory = "can't change to the directory " + run.directory;
    std::string no_command = "can't start " + words.front() + ": ";
    pid_ = fork();
    if (pid_ != 0) return;
    setpgid(0, 0);
    dup2(child_input.number(), STDIN_FILENO);
    dup2(child_output.number(), STDOUT_FILENO);
    dup2(child_output.number(), STDERR_FILENO);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
    if (chdir(run.directory.c_str()) != 0 && (run.is_directory_required || chdir("/") != 0)) {
      [[maybe_unused]] auto told = write(STDERR_FILENO, no_directory.data(), no_directory.size());
      _exit(75);
    }
    set_usual_descriptor_limit();
    execve(arguments.front(), arguments.data(), environment.data());
    const char* reason = strerrordesc_np(errno);
    for (std::string_view text : {std::string_view(no_command), std::string_view(reason)}) {
      [[maybe_unused]] auto told = write(STDERR_FILENO, text.data(), text.size());
    }
    _exit(75);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  bool is_started() const { return pid_ > 0; }

  /// Writes to the command, and reads its output meanwhile. False at the deadline. A command may
  /// close its input early; then the rest is dropped.
  bool feed(std::string_view bytes, SteadyClock::time_point deadline) {
    fcntl(to_.number(), F_SETFL, O_NONBLOCK);
    while (!bytes.empty() && to_) {
      if (!wait(true, deadline)) return false;
      auto count = write(to_.number(), bytes.data(), bytes.size());
      if (count >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EAGAIN && errno != EINTR) {
        to_.close();
      }
    }
    return true;
  }

  /// Closes the command's input and waits until it ends; nothing at the deadline.
  std::optional<int> finish(SteadyClock::time_point deadline) {
    to_.close();
    while (from_) {
      if (!wait(false, deadline)) return {};
    }
    for (;;) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        return status;
      }
      if (SteadyClock::now() >= deadline) return {};
      usleep(2000);
    }
  }
  const std::string& output() const { return output_; }

 private:
  /// Waits until the command's input is writable (if wanted), or there is output or its end. False
  /// at the deadline.
  bool wait(bool wants_to_write, SteadyClock::time_point deadline) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> polls{pollfd{from_.number(), POLLIN, 0},
                                pollfd{wants_to_write ? to_.number() : -1, POLLOUT, 0}};
    poll(polls.data(), polls.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if ((polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      std::array<char, 4096> bytes;
      auto count = read(from_.number(), bytes.data(), bytes.size());
      if (count > 0) {
        std::string_view text(bytes.data(), static_cast<std::size_t>(count));
        output_ += text.substr(0, command_output_bytes_max - output_.size());
      } else if (count == 0 || errno != EINTR) {
        from_.close();
      }
    }
    return true;
  }

  pid_t pid_ = -1;
  Descriptor to_;
  Descriptor from_;
  std::string output_;
};

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
Result<bool> feed_all(Running& running, const CommandRun& run, const store::Pieces& message,
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
  Running running(run);
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
