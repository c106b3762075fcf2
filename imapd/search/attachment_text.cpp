#include "imapd/search/attachment_text.h"

#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/process/running_program.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t words_bytes_max = 300;  // of what a program says, for the log

std::string failed(const std::string& program, const std::string& media_type,
                   const std::string& why) {
  log_warning("imap", "fts_decoder: " + program + " " + printable(media_type, 100) + ": " + why);
  return "";
}

}  // namespace

std::string attachment_text(const std::string& program, const std::string& media_type,
                            std::string_view octets, std::size_t text_bytes_max) {
  ProgramStart start;
  start.words = {program, media_type};
  start.environment = {{"PATH", std::string(program_path)}};
  start.directory = "/";
  start.output_bytes_max = text_bytes_max;
  auto deadline = std::chrono::steady_clock::now() + decoder_seconds_max;
  RunningProgram running(start);
  if (!running.is_started()) return failed(program, media_type, std::strerror(errno));
  bool in_time = running.feed(octets, deadline);
  auto ended = in_time ? running.finish(deadline) : std::nullopt;
  if (!ended) {
    return failed(program, media_type,
                  "took more than " + std::to_string(decoder_seconds_max.count()) + " s");
  }
  if (WIFSIGNALED(*ended)) {
    return failed(program, media_type, "died of signal " + std::to_string(WTERMSIG(*ended)));
  }
  if (WEXITSTATUS(*ended) != 0) {
    return failed(program, media_type,
                  "exit status " + std::to_string(WEXITSTATUS(*ended)) + ": " +
                      printable(trim(running.errors()), words_bytes_max));
  }
  return running.output();
}

}  // namespace pennypost::imap
