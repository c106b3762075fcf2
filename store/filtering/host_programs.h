// Runs the programs that Sieve scripts may use: files of the directories that the admin names.
//
// A program has the rights of the process that runs the script: the user's own. It gets the message
// with LF line ends on its standard input, and an environment of PATH, USER, HOME, HOST, SENDER,
// RECIPIENT and ORIG_RECIPIENT, as Pigeonhole's programs do. After sieve_program_exec_timeout its
// process group is killed.
//
// LIMITS     filter_output_bytes_max, execute_output_bytes_max
// STANDARDS  Pigeonhole's vnd.dovecot.pipe, vnd.dovecot.filter and vnd.dovecot.execute
// SEE ALSO   ../sieve/environment.h (ProgramCall), ../../common/process/running_program.h
#pragma once

#include <string_view>

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/delivery.h"
#include "store/sieve/actions.h"
#include "store/sieve/environment.h"

namespace pennypost::store {

/// A filter that writes more has failed.
inline constexpr std::size_t filter_output_bytes_max = 64 << 20;
/// What execute writes beyond this is dropped.
inline constexpr std::size_t execute_output_bytes_max = 64 << 10;

/// Runs a program for the owner of a message. Blocks.
sieve::ProgramAnswer run_host_program(const Config& config, const AccountRef& account,
                                      const Delivery& delivery, const sieve::ProgramCall& call);

/// Gives a message to the program of a pipe. Error: why it was not taken.
Result<void> give_to_program(const sieve::Environment& environment, const sieve::Pipe& pipe,
                             std::string_view text);

}  // namespace pennypost::store
