#include "common/process/ask_as.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t answer_bytes_max = 1 << 20;

bool become(const Identity& identity) {
  return ::setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
         ::setgid(identity.gid) == 0 && ::setuid(identity.uid) == 0;
}

/// The first line of ask_apart()'s answer.
constexpr std::string_view answered = "answered";
constexpr std::string_view failed = "failed";

/// The lines that `question` gives in a new process; then what went wrong with that process.
std::vector<std::string> in_new_process(const std::function<std::vector<std::string>()>& question) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {std::string("pipe: ") + std::strerror(errno)};
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  pid_t pid = ::fork();
  if (pid < 0) return {std::string("fork: ") + std::strerror(errno)};
  if (pid == 0) {
    (void)write_all(writing.number(), join(question(), "\n"), "the pipe");
    ::_exit(0);
  }
  writing.close();
  auto answer = read_up_to(reading.number(), answer_bytes_max, "the pipe");
  reading.close();  // who has more to say does not wait for us
  int status = 0;
  ::waitpid(pid, &status, 0);
  std::vector<std::string> lines;
  for (auto line : split(answer ? *answer : answer.error().text(), '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  if (status != 0)
    lines.emplace_back("the check ended early, with status " + std::to_string(status));
  return lines;
}

/// Hears line by line what comes through a pipe, until its end.
void hear_all(int pipe, const Tell& hear) {
  std::string waiting;
  std::array<char, 16'384> block;
  for (;;) {
    auto count = ::read(pipe, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    waiting.append(block.data(), static_cast<std::size_t>(count));
    std::size_t from = 0;
    for (auto end = waiting.find('\n'); end != waiting.npos; end = waiting.find('\n', from)) {
      hear(waiting.substr(from, end - from));
      from = end + 1;
    }
    waiting.erase(0, from);
  }
  if (!waiting.empty()) hear(waiting);
}

}  // namespace

std::vector<std::string> ask_as(const std::optional<Identity>& identity,
                                const std::function<std::vector<std::string>()>& question) {
  if (!identity || identity->uid == ::geteuid()) return question();
  return in_new_process([&] {
    return become(*identity) ? question()
                             : std::vector<std::string>{"can't become user " + identity->name};
  });
}

Result<std::vector<std::string>> ask_apart(
    const std::function<Result<std::vector<std::string>>()>& question) {
  auto lines = in_new_process([&] {
    auto answer = question();
    std::vector<std::string> all{std::string(answer ? answered : failed)};
    if (answer) {
      all.insert(all.end(), answer->begin(), answer->end());
    } else {
      all.push_back(answer.error().text());
    }
    return all;
  });
  bool is_answer = !lines.empty() && lines.front() == answered;
  if (!lines.empty() && (is_answer || lines.front() == failed)) lines.erase(lines.begin());
  if (!is_answer) return Error::permanent(join(lines, "; "));
  return lines;
}

Result<void> work_as(const std::optional<Privileges>& keep,
                     const std::function<void(const Tell& tell)>& work, const Tell& hear) {
  if (!keep) {
    work(hear);
    return {};
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error::temporary(std::string("pipe: ") + std::strerror(errno));
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  pid_t pid = ::fork();
  if (pid < 0) return Error::temporary(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) {
    Tell tell = [&writing](const std::string& line) {
      if (!write_all(writing.number(), line + "\n", "the pipe")) ::_exit(1);
    };
    auto dropped = drop_privileges(*keep);
    if (dropped) {
      work(tell);
    } else {
      (void)write_all(STDERR_FILENO, dropped.error().text() + "\n", "standard error");
    }
    ::_exit(dropped ? 0 : 1);
  }
  writing.close();
  hear_all(reading.number(), hear);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status == 0) return {};
  return Error::temporary("the work ended early, with status " + std::to_string(status));
}

std::string unreadable_part(const std::string& path) {
  for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    std::string above = path.substr(0, slash);
    if (::access(above.c_str(), X_OK) != 0 && errno == EACCES) return above;
  }
  return ::access(path.c_str(), R_OK) != 0 && errno == EACCES ? path : "";
}

}  // namespace pennypost
