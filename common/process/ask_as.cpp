#include "common/process/ask_as.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

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

std::string unreadable_part(const std::string& path) {
  for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    std::string above = path.substr(0, slash);
    if (::access(above.c_str(), X_OK) != 0 && errno == EACCES) return above;
  }
  return ::access(path.c_str(), R_OK) != 0 && errno == EACCES ? path : "";
}

}  // namespace pennypost
