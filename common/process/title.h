// Sets what `ps` shows for a process: its role, as in `smtpd: receive`.
#pragma once

#include <string>

namespace pennypost {

/// Remembers where the program's arguments are; to be called once, at the beginning of main().
void remember_arguments(int argc, char** argv);
/// Shows `title` instead of the arguments, truncated to their space, and its beginning as the
/// thread's name.
void set_process_title(const std::string& title);

}  // namespace pennypost
