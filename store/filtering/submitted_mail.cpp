#include "store/filtering/submitted_mail.h"

#include <unistd.h>

#include <filesystem>

#include "common/base/text.h"
#include "common/process/running_program.h"

namespace pennypost::store {
namespace {

/// If none is installed: the one in the directory of this program, as after a build.
std::string sendmail_path(const Config& config) {
  auto installed = config.command_directory + "/sendmail";
  if (::access(installed.c_str(), X_OK) == 0) return installed;
  std::error_code ignored;
  auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path() / "sendmail").string();
}

}  // namespace

Result<void> submit_mail(const Config& config, const AccountRef& account,
                         const SubmittedMail& mail) {
  ProgramStart start;
  start.words = {sendmail_path(config), "-C", config.config_directory, "-i", "-f",
                 mail.sender,           "--", mail.recipient};
  start.environment = {{"PATH", std::string(program_path)}, {"USER", account.name}};
  start.directory = ".";  // command_directory may be relative to it
  start.joins_errors = true;
  auto limit = std::chrono::ceil<std::chrono::seconds>(config.sieve_program_exec_timeout);
  auto end = run_program(start, mail.text, limit);
  if (end && end->exit_status == 0) return {};
  auto said = end ? printable(trim(end->output), 300) : "it " + end.error().text();
  return Error::temporary("sendmail did not take mail for " + printable(mail.recipient, 200) +
                          ": " + said);
}

}  // namespace pennypost::store
