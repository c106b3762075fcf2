// Reads the Message-IDs in a header field.
//
// STANDARDS  RFC 5322 section 3.6.4 and 4.5.4 (obsolete forms), RFC 5256 section 3 (THREAD)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennypost::imap {

/// The ids in a References, In-Reply-To or Message-ID field, without their brackets, in one form
/// however they are quoted; what is no id is passed over. At most `count_max`, the last ones.
std::vector<std::string> message_ids(std::string_view field, std::size_t count_max);

}  // namespace pennypost::imap
