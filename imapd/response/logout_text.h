// Writes how many bytes a session received and sent, in the form of imap_logout_format, for the end
// of its log line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pennypost::imap {

/// `%i` and `%{input}` are the bytes received, `%o` and `%{output}` those sent, `%%` is a percent
/// sign; all else stays as it is.
std::string logout_text(std::string_view format, std::uint64_t received, std::uint64_t sent);

}  // namespace pennypost::imap
