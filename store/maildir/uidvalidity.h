// Creates a UIDVALIDITY that no folder of the Maildir has ever had.
//
// `dovecot-uidvalidity` holds the last one as 8 hexadecimal digits. The empty file
// `dovecot-uidvalidity.XXXXXXXX` is authoritative, since only one process can succeed in renaming
// it to the next number. The first value is the time in seconds. So a folder that is removed and
// made again never reuses a number (RFC 9051 section 2.3.1.1), whichever program makes it.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace pennypost::store {

Result<std::uint32_t> next_uid_validity(const std::string& root, const Clock& clock);

}  // namespace pennypost::store
