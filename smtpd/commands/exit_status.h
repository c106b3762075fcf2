// The exit statuses of the commands: those of sysexits(3), used as by Postfix's commands.
#pragma once

namespace pennypost::smtp {

inline constexpr int ex_failed = 1;
inline constexpr int ex_not_running = 3;  // as service managers have it
inline constexpr int ex_usage = 64;
inline constexpr int ex_dataerr = 65;
inline constexpr int ex_unavailable = 69;
inline constexpr int ex_osfile = 72;
inline constexpr int ex_cantcreat = 73;
inline constexpr int ex_tempfail = 75;
inline constexpr int ex_noperm = 77;
inline constexpr int ex_config = 78;

}  // namespace pennypost::smtp
