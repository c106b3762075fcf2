// Hands mail that a script sends to the queue of this host, from a process that is not smtpd's.
//
// The program sendmail does it, so that it works as for any other program of the user: over the
// queue's socket, or by postdrop while smtpd does not run.
//
// SEE ALSO   stored_filter.h (who sends), host_programs.h
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/account_ref.h"

namespace pennypost::store {

struct SubmittedMail {
  std::string sender;     // of the envelope; empty: <>
  std::string recipient;  // user@domain
  std::string text;       // with LF line ends
};

/// The program: in command_directory, or, if none is installed, beside this one, as after a build.
/// Error (temporary): neither has it.
Result<std::string> find_sendmail(const std::string& command_directory,
                                  const std::string& own_directory);

/// Blocks, at most sieve_program_exec_timeout. Error (temporary): why it was not taken.
Result<void> submit_mail(const Config& config, const AccountRef& account,
                         const SubmittedMail& mail);

}  // namespace pennypost::store
