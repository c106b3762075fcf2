// Finds what header_checks and body_checks look up in a message, for postmap -h, -b and -m.
//
// A header ends at an empty line or at the first line that is no field. The body begins with that
// empty line, as the daemons see it, also if the message has none.
//
// SEE ALSO   ../policy/content_checks.h (what the daemons look up), header_checks(5) of Postfix
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::smtp {

struct MessageKeys {
  bool header = false;  // each field, with its folds
  bool body = false;    // each line
  bool mime = false;    // fields of parts and attached messages count as header, not as body
};

/// Calls `use` for each key, in the order of the message, until it returns an Error. `text`: the
/// message with LF line ends. `field_bytes_max`: of a field that much is looked up,
/// header_size_limit.
Result<void> each_key_of_message(std::string_view text, const MessageKeys& wanted,
                                 std::size_t field_bytes_max,
                                 const std::function<Result<void>(std::string_view key)>& use);

}  // namespace pennypost::smtp
