// Names a session for the log, as in `session=<…>`.
#pragma once

#include <string>

#include "common/base/clock.h"

namespace pennypost {

/// Unique on this host: time in microseconds, process and counter, in 20 characters of base64
/// without padding. It is not secret, and reveals nothing that a client may not know.
std::string make_session_id(const Clock& clock);

}  // namespace pennypost
