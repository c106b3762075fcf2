// Names a session for the log, as in `session=<…>`.
#pragma once

#include <string>

#include "common/base/clock.h"

namespace pennypost {

/// Unlike any other of this host: time in microseconds, process and counter, in 20 characters of
/// base64 without padding. Tells nothing a client may not know, and is no secret.
std::string make_session_id(const Clock& clock);

}  // namespace pennypost
