// Writes the name of a FETCH section, as it stands between the brackets of the answer.
//
// STANDARDS  RFC 9051 section 7.5.2
#pragma once

#include <string>

#include "imapd/grammar/fetch.h"

namespace pennypost::imap {

/// `1.2.HEADER.FIELDS (FROM "x y")`
void append_section_text(std::string& out, const Section& section);

}  // namespace pennypost::imap
