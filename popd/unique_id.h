// A message's UID, its mailbox's UIDVALIDITY and a format in, the id that UIDL shows out.
//
// `%u` is the UID, `%v` the UIDVALIDITY, `%%` a percent sign; between % and the letter may stand a
// width, with a leading 0 to fill it, and X or x for hexadecimal digits: Dovecot's `%08Xu%08Xv`. An
// id has 1 to 70 visible ASCII characters (RFC 1939 section 7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::pop {

inline constexpr std::size_t unique_id_bytes_max = 70;

/// Error: a format that is none, names no UID, or gives what no id may be.
Result<std::string> format_unique_id(std::string_view format, std::uint32_t uid,
                                     std::uint32_t uid_validity);

}  // namespace pennypost::pop
