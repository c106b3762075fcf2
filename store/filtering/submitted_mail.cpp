#include "store/filtering/submitted_mail.h"

#include <unistd.h>

#include <filesystem>

#include "common/base/text.h"
#include "common/process/running_program.h"

namespace pennypost::store {
namespace {

std::string own_directory() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

}  // namespace

Result<std::string> find_sendmail(const std::string& command_directory,
                                  const std::string& own_directory) {
  for (const auto& directory : {command_directory, own_directory}) {
    auto path = directory + "/sendmail";
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return Error::temporary("there is no program sendmail in " + command_directory + " or " +
                          own_directory + "; set command_directory to where it is")
      .told(
          "Mail can't be sent from here: the program sendmail is not in command_directory, which "
          "the administrator can set.");
}

Result<void> submit_mail(const Config& config, const AccountRef& account,
                         const SubmittedMail& mail) {
  TRY(auto sendmail, find_sendmail(config.command_directory, own_directory()));
  ProgramStart start;
  start.words = {sendmail,    "-C", config.config_directory, "-i", "-f",
                 mail.sender, "--", mail.recipient};
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
