// A section of FETCH in, its text between the brackets of the answer out.
#pragma once

#include <string>

#include "imapd/grammar/fetch.h"

namespace pennypost::imap {

/// `1.2.HEADER.FIELDS (FROM "x y")`
void append_section_text(std::string& out, const Section& section);

}  // namespace pennypost::imap
