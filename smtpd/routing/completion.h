// The domains with which short addresses are completed, from the settings.
//
// SEE ALSO   ../../common/mail/completion.h (what is completed), expansion.h (envelopes)
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/completion.h"

namespace pennypost::smtp {

/// From append_at_myorigin and append_dot_mydomain. Error 501 5.1.3: $myorigin or $mydomain is not
/// a domain.
Result<Completion> completion_of(const Settings& settings);
/// From remote_header_rewrite_domain, for the headers of mail from other hosts' clients; nothing if
/// it is empty. Error 501 5.1.3: it is not a domain.
Result<std::optional<Completion>> remote_completion_of(const Settings& settings);

}  // namespace pennypost::smtp
