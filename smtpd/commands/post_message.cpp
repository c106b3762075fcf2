// Submits sendmail's message to the queue: over its socket, or by postdrop if smtpd does not run.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "common/base/file.h"
#include "common/mail/mime.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/pickup/drop_file.h"

namespace pennypost::smtp {
namespace {

/// Runs postdrop with the drop file on its standard input.
int run_postdrop(const LocalSubmission& submission, const std::string& message,
                 const Config& config, const std::string& config_directory, std::ostream& err) {
  std::string program = config.command_directory + "/postdrop";
  if (::access(program.c_str(), X_OK) != 0) {
    // Not installed: use the one in the directory of this program, as after a build.
    std::error_code ignored;
    auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (auto beside = self.parent_path() / "postdrop"; ::access(beside.c_str(), X_OK) == 0) {
      program = beside.string();
    }
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    err << "sendmail: fatal: pipe: " << std::strerror(errno) << '\n';
    return ex_tempfail;
  }
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  pid_t child = ::fork();
  if (child == 0) {
    ::dup2(reading.number(), STDIN_FILENO);
    bool has_default = config_directory == "/etc/pennypost";
    if (has_default) {
      ::execl(program.c_str(), "postdrop", nullptr);
    } else {
      ::execl(program.c_str(), "postdrop", "-c", config_directory.c_str(), nullptr);
    }
    ::_exit(ex_osfile);
  }
  if (child < 0) {
    err << "sendmail: fatal: fork: " << std::strerror(errno) << '\n';
    return ex_tempfail;
  }
  reading.close();
  // Where it fails, postdrop has said why.
  (void)write_all(writing.number(), drop_head(submission) + message, "the pipe to postdrop");
  writing.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == ex_osfile) {
    err << "sendmail: fatal: " << program << " can't be run; nothing was stored\n";
    return ex_tempfail;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == ex_dataerr) return ex_unavailable;
  if (WIFEXITED(status) && WEXITSTATUS(status) == ex_noperm) return ex_noperm;
  err << "sendmail: fatal: postdrop failed; nothing was stored\n";
  return ex_tempfail;
}

}  // namespace

int post_message(const LocalSubmission& submission, const std::string& message,
                 const Config& config, const std::string& config_directory, std::ostream& err) {
  if (!config.message_size_limit.allows(crlf_octets(message))) {
    err << "sendmail: fatal: message file too big\n";
    return ex_unavailable;
  }
  if (auto checked = check_submission(submission); !checked) {
    err << "sendmail: fatal: " << checked.error().text_with_status() << '\n';
    return ex_dataerr;
  }
  auto queue = QueueClient::connect(config.queue_directory);
  if (!queue) return run_postdrop(submission, message, config, config_directory, err);
  auto file = sealed_file(message);
  if (!file) {
    err << "sendmail: fatal: " << file.error().text_with_status() << '\n';
    return ex_tempfail;
  }
  PostMail request;
  request.submission = submission;
  std::vector<Descriptor> beside;
  beside.push_back(*std::move(file));
  auto posted = queue->call(request, std::move(beside));
  if (posted) return 0;
  if (posted.error().code() == control_busy) {
    return run_postdrop(submission, message, config, config_directory, err);
  }
  if (posted.error().code() == control_denied) {
    err << "sendmail: fatal: " << posted.error().text() << '\n';
    return ex_noperm;
  }
  err << "sendmail: fatal: " << posted.error().text_with_status() << '\n';
  return posted.error().is_temporary() ? ex_tempfail : ex_unavailable;
}

}  // namespace pennypost::smtp
