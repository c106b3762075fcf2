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
    std::string command = run.command;
    std::string no_directory = "can't change to the directory " + run.directory;
    std::array<char*, 4> arguments{const_cast<char*>("sh"), const_cast<char*>("-c"), command.data(),
                                   nullptr};
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
    execve("/bin/sh", arguments.data(), environment.data());
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

}  // namespace

store::DeliveryOutcome outcome_of_exit(int exit_status, const std::string& command,
                                       const std::string& output) {
  std::string shown = printable(command, 200);
  std::string said(trim(output));
  std::replace(said.begin(), said.end(), '\n', ' ');
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
  bool in_time = running.feed(run.head, deadline);
  auto read = read_pieces(message, [&](std::string_view part) {
    in_time = in_time && running.feed(part, deadline);
    return in_time;
  });
  if (!read) return outcome(Kind::Retry, "4.3.0", read.error().text());
  auto status = in_time ? running.finish(deadline) : std::nullopt;
  if (!status) {
    return outcome(Kind::Retry, "4.3.0",
                   "Command time limit exceeded: \"" + printable(run.command, 200) + "\"");
  }
  if (WIFSIGNALED(*status)) {
    return outcome(Kind::Retry, "4.3.0",
                   "Command died with signal " + std::to_string(WTERMSIG(*status)) + ": \"" +
                       printable(run.command, 200) + "\"");
  }
  return outcome_of_exit(WEXITSTATUS(*status), run.command, running.output());
}

}  // namespace pennypost::smtp
