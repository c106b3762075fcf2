// Declares the handlers of the command table: what each command does and each test answers.
//
// A handler is called with arguments that fit its row. It returns an Error for what ends the run:
// the mail is then kept, and its owner told. Handlers stand in one file a family.
//
// SEE ALSO   run.h (what they work on)
#pragma once

#include "common/base/result.h"

namespace pennypost::store::sieve {

struct Command;
class Run;

// control_handlers.cpp
Result<bool> allof(Run& run, const Command& test);
Result<bool> always(Run& run, const Command& test);
Result<bool> anyof(Run& run, const Command& test);
Result<bool> ihave(Run& run, const Command& test);
Result<bool> negation(Run& run, const Command& test);
Result<bool> never(Run& run, const Command& test);
Result<void> break_loop(Run& run, const Command& command);
Result<void> error(Run& run, const Command& command);
Result<void> global(Run& run, const Command& command);
Result<void> include(Run& run, const Command& command);
Result<void> return_to_caller(Run& run, const Command& command);
Result<void> stop(Run& run, const Command& command);

// action_handlers.cpp
Result<void> discard(Run& run, const Command& command);
Result<void> ereject(Run& run, const Command& command);
Result<void> fileinto(Run& run, const Command& command);
Result<void> keep(Run& run, const Command& command);
Result<void> redirect(Run& run, const Command& command);
Result<void> reject(Run& run, const Command& command);

// field_tests.cpp
Result<bool> address(Run& run, const Command& test);
Result<bool> envelope(Run& run, const Command& test);
Result<bool> exists(Run& run, const Command& test);
Result<bool> header(Run& run, const Command& test);
Result<bool> size(Run& run, const Command& test);

// body_search.cpp, date_tests.cpp
Result<bool> body(Run& run, const Command& test);
Result<bool> currentdate(Run& run, const Command& test);
Result<bool> date(Run& run, const Command& test);

// host_tests.cpp
Result<bool> duplicate(Run& run, const Command& test);
Result<bool> environment(Run& run, const Command& test);
Result<bool> mailboxexists(Run& run, const Command& test);
Result<bool> metadata(Run& run, const Command& test);
Result<bool> metadataexists(Run& run, const Command& test);
Result<bool> servermetadata(Run& run, const Command& test);
Result<bool> servermetadataexists(Run& run, const Command& test);
Result<bool> spamtest(Run& run, const Command& test);
Result<bool> specialuse_exists(Run& run, const Command& test);
Result<bool> valid_ext_list(Run& run, const Command& test);
Result<bool> virustest(Run& run, const Command& test);

// variable_handlers.cpp
Result<void> set(Run& run, const Command& command);
Result<bool> string(Run& run, const Command& test);

// flag_handlers.cpp
Result<void> addflag(Run& run, const Command& command);
Result<bool> hasflag(Run& run, const Command& test);
Result<void> removeflag(Run& run, const Command& command);
Result<void> setflag(Run& run, const Command& command);

// editheader.cpp
Result<void> addheader(Run& run, const Command& command);
Result<void> deleteheader(Run& run, const Command& command);

// part_handlers.cpp, rewriting.cpp
Result<void> enclose(Run& run, const Command& command);
Result<void> extracttext(Run& run, const Command& command);
Result<void> replace(Run& run, const Command& command);

// program_handlers.cpp
Result<void> execute(Run& run, const Command& command);
Result<void> filter(Run& run, const Command& command);
Result<bool> is_executed(Run& run, const Command& test);
Result<bool> is_filtered(Run& run, const Command& test);
Result<void> pipe(Run& run, const Command& command);

// vacation.cpp, notify.cpp
Result<void> notify(Run& run, const Command& command);
Result<bool> notify_method_capability(Run& run, const Command& test);
Result<void> vacation(Run& run, const Command& command);
Result<bool> valid_notify_method(Run& run, const Command& test);

}  // namespace pennypost::store::sieve
