// Parses the times that commands take as --since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pennypost::smtp {

/// `2026-11-29` in the host's time zone, or `3d`, `12h`, `30m` before now, in seconds since 1970.
std::optional<std::int64_t> time_before_now(const std::string& text);

}  // namespace pennypost::smtp
