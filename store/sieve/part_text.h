// The decoded text of a MIME part.
#pragma once

#include <string>
#include <string_view>

#include "common/mail/mime.h"

namespace pennypost::store::sieve {

/// The body without its transfer encoding; of a text part as UTF-8. A charset that is not known is
/// read as UTF-8 or Windows-1252.
std::string part_text(std::string_view message, const MimePart& part);

/// Whether people read it as text: a text part or XHTML in a transfer encoding that is known.
bool is_searchable_text(const MimePart& part);
/// part_text() of such a part; of HTML without its tags.
std::string searchable_text(std::string_view message, const MimePart& part);

}  // namespace pennypost::store::sieve
