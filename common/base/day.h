// Days of the calendar in UTC, as texts: `2026-11-28`.
//
// STANDARDS  RFC 3339 (full-date)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

inline constexpr std::int64_t seconds_of_day = 86400;

/// The day of a time in seconds since 1970; the year has four digits.
std::string day_of(std::int64_t seconds);
/// When a day begins, in seconds since 1970; nothing if the text is no day.
std::optional<std::int64_t> begin_of_day(std::string_view day);

}  // namespace pennypost
