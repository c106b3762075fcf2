// Sets what `ps` shows of a process: its role, as in `smtpd: receive`.
#pragma once

#include <string>

namespace pennypost {

/// Remembers where the program's arguments stand; once, at the beginning of main().
void remember_arguments(int argc, char** argv);
/// Shows `title` instead of the arguments, cut to their room, and its beginning as the thread's
/// name.
void set_process_title(const std::string& title);

}  // namespace pennypost
