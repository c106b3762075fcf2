// The root of a Maildir in, a UIDVALIDITY that none of its folders ever bore out.
//
// `dovecot-uidvalidity` holds the last one as 8 hexadecimal digits; the empty file
// `dovecot-uidvalidity.XXXXXXXX` says so with authority, since renaming it to the next number
// succeeds for one process alone. The first is the time in seconds. A folder removed and made again
// thus never reuses a number (RFC 9051 section 2.3.1.1), whichever program makes it.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace pennypost::store {

Result<std::uint32_t> next_uid_validity(const std::string& root, const Clock& clock);

}  // namespace pennypost::store
