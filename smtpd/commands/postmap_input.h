// Reads what postmap(1) takes from standard input: entries, keys, or a message.
//
// LIMITS  query_message_bytes_max
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/commands/postmap_call.h"

namespace pennypost::smtp {

inline constexpr std::size_t query_message_bytes_max = 256 << 20;  // of -h and -b

/// All of standard input. Error: it has more than `bytes_max`.
Result<std::string> standard_input(std::size_t bytes_max);

/// Calls `use` with the key of -q or -d, or with all keys that standard input holds, until it
/// returns an Error. `field_bytes_max`: see each_key_of_message().
Result<void> each_key(const TableCall& call, std::size_t field_bytes_max,
                      const std::function<Result<void>(std::string_view key)>& use);

}  // namespace pennypost::smtp
