// Reads from the settings with which domains addresses are completed.
//
// SEE ALSO   ../../common/mail/completion.h (what they complete), expansion.h (envelopes)
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/completion.h"

namespace pennypost::smtp {

/// As append_at_myorigin and append_dot_mydomain have it. Error 501 5.1.3: $myorigin or $mydomain
/// is no domain.
Result<Completion> completion_of(const Settings& settings);

}  // namespace pennypost::smtp
