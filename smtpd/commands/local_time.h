// Shows a time in the host's time zone, for the output of commands.
#pragma once

#include <cstdint>
#include <string>

namespace pennypost::smtp {

/// `2026-11-29 19:50:00`, of seconds since 1970.
std::string local_time(std::int64_t seconds);

}  // namespace pennypost::smtp
