#include "common/process/running_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/text.h"
#include "common/process/descriptor_limit.h"

namespace pennypost {
namespace {

constexpr std::size_t block_bytes = 16 * 1024;
constexpr useconds_t microseconds_between_looks = 2000;
// How often it is looked whether the program is given up.
constexpr std::int64_t milliseconds_between_looks = 100;

struct Ends {
  Descriptor reading;
  Descriptor writing;

  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    reading = Descriptor(ends[0]);
    writing = Descriptor(ends[1]);
    return true;
  }
};

/// Keeps SIGPIPE from ending us, where it is not ignored: a program may end before it has read all.
class PipeSignalHeld {
 public:
  PipeSignalHeld() {
    struct sigaction now {};
    is_held_ = sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGPIPE);
    if (is_held_) pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  PipeSignalHeld(const PipeSignalHeld&) = delete;
  PipeSignalHeld& operator=(const PipeSignalHeld&) = delete;
  ~PipeSignalHeld() {
    if (!is_held_) return;
    const timespec at_once{};
    sigtimedwait(&signal_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  bool is_held_ = false;
  sigset_t signal_{};
  sigset_t before_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

std::string harmless_text(std::string text) {
  constexpr std::string_view allowed = "!@%-_=+:,./";
  for (char& c : text) {
    if (!is_alnum(c) && allowed.find(c) == allowed.npos) c = '_';
  }
  return text;
}

RunningProgram::RunningProgram(const ProgramStart& start) : is_given_up_(start.is_given_up) {
  Ends input;
  Ends output;
  Ends errors;
  if (!input.open() || !output.open()) return;
  if (!start.joins_errors && !errors.open()) return;
  // Everything that allocates memory is done before the fork, since this process has other threads.
  std::vector<std::string> settings;
  for (const auto& [name, value] : start.environment) settings.push_back(name + "=" + value);
  auto words = start.words;
  auto arguments = pointers(words);
  auto environment = pointers(settings);
  std::string no_directory = "can't change to the directory " + start.directory;
  std::string no_program = "can't start " + words.front() + ": ";
  int error_end = start.joins_errors ? output.writing.number() : errors.writing.number();
  pid_ = fork();
  if (pid_ != 0) {
    to_ = std::move(input.writing);
    output_.from = std::move(output.reading);
    output_.bytes_max = start.output_bytes_max;
    errors_.from = std::move(errors.reading);
    errors_.bytes_max = start.error_bytes_max;
    if (pid_ > 0) fcntl(to_.number(), F_SETFL, O_NONBLOCK);
    return;
  }
  setpgid(0, 0);
  dup2(input.reading.number(), STDIN_FILENO);
  dup2(output.writing.number(), STDOUT_FILENO);
  dup2(error_end, STDERR_FILENO);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
  if (chdir(start.directory.c_str()) != 0 && (start.is_directory_required || chdir("/") != 0)) {
    [[maybe_unused]] auto told = write(STDERR_FILENO, no_directory.data(), no_directory.size());
    _exit(75);
  }
  // Whatever a library has left open: connections of clients are not for programs.
  close_range(STDERR_FILENO + 1, ~0U, 0);
  set_usual_descriptor_limit();
  execve(arguments.front(), arguments.data(), environment.data());
  const char* reason = strerrordesc_np(errno);
  for (std::string_view text : {std::string_view(no_program), std::string_view(reason)}) {
    [[maybe_unused]] auto told = write(STDERR_FILENO, text.data(), text.size());
  }
  _exit(75);
}

RunningProgram::~RunningProgram() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool RunningProgram::feed(std::string_view bytes, Deadline deadline) {
  PipeSignalHeld held;
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

std::optional<int> RunningProgram::finish(Deadline deadline) {
  to_.close();
  while (output_.from || errors_.from) {
    if (!wait(false, deadline)) return {};
  }
  for (;;) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      return status;
    }
    if (is_over(deadline)) return {};
    usleep(microseconds_between_looks);
  }
}

bool RunningProgram::is_over(Deadline deadline) const {
  return std::chrono::steady_clock::now() >= deadline || (is_given_up_ != nullptr && *is_given_up_);
}

/// Waits until the input is writable (if wanted), or there is output or its end. False at the
/// deadline.
bool RunningProgram::wait(bool wants_to_write, Deadline deadline) {
  if (is_over(deadline)) return false;
  auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  auto longest = is_given_up_ != nullptr ? milliseconds_between_looks : 60'000;
  std::array<pollfd, 3> polls{pollfd{output_.from.number(), POLLIN, 0},
                              pollfd{errors_.from.number(), POLLIN, 0},
                              pollfd{wants_to_write ? to_.number() : -1, POLLOUT, 0}};
  auto milliseconds = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, longest));
  poll(polls.data(), polls.size(), milliseconds);
  constexpr short any = POLLIN | POLLHUP | POLLERR;
  if ((polls[0].revents & any) != 0) output_.read_some();
  if ((polls[1].revents & any) != 0) errors_.read_some();
  return true;
}

void RunningProgram::Heard::read_some() {
  std::array<char, block_bytes> bytes;
  auto count = read(from.number(), bytes.data(), bytes.size());
  if (count > 0) {
    std::string_view heard(bytes.data(), static_cast<std::size_t>(count));
    is_cut = is_cut || heard.size() > bytes_max - text.size();
    text += heard.substr(0, bytes_max - text.size());
  } else if (count == 0 || errno != EINTR) {
    from.close();
  }
}

Result<ProgramEnd> run_program(const ProgramStart& start, std::string_view input,
                               std::chrono::seconds limit, std::string_view setting) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  RunningProgram running(start);
  if (!running.is_started()) {
    return Error::temporary(std::string("can't be started: ") + std::strerror(errno));
  }
  bool in_time = running.feed(input, deadline);
  auto status = in_time ? running.finish(deadline) : std::nullopt;
  if (!status && start.is_given_up != nullptr && *start.is_given_up) {
    return Error::temporary("was given up");
  }
  if (!status) {
    auto named = setting.empty() ? "" : " (" + std::string(setting) + ")";
    return Error::temporary("took more than " + std::to_string(limit.count()) + " s" + named);
  }
  if (WIFSIGNALED(*status)) {
    return Error::temporary("died of signal " + std::to_string(WTERMSIG(*status)));
  }
  ProgramEnd end;
  end.exit_status = WEXITSTATUS(*status);
  end.output = running.output();
  end.is_output_cut = running.is_output_cut();
  end.errors = running.errors();
  return end;
}

}  // namespace pennypost
