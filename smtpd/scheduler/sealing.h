// Seals strangers' mail by ARC as it leaves again: what aliases, .forward files and lists send on,
// and what a relay passes on.
//
// Sealed is our verdict, the Authentication-Results that mailauth_checks put on the message when it
// came (../inbound/mailauth_filter.h, which removes others of that name). Whether the chain so far
// is valid was found out then, too, from the message as it came: here it may have been changed. A
// message without our verdict is not sealed, nor one whose chain could not be verified.
//
// A seal only helps: where none can be made, the message leaves without. A service of its own that
// has no mailauth_checks leaves Authentication-Results as they are, so it must not be open to
// strangers.
//
// LIMITS     those of ../../common/mailauth/arc_sealer.h and of auth_results_parser.h there
// STANDARDS  RFC 8617 section 5.1; Received-SPF (RFC 7208 section 9.1) is not written, since
//            Authentication-Results says the same
// SEE ALSO   signing.h (our own mail, and which mail is sealed), ../policy/signing_messages.h
#pragma once

#include <string>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "common/process/port.h"
#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// The three fields of an ARC set for the message as it goes out, with LF; empty if it is not
/// sealed. A look-up of keys that fails is logged. `body`: its file, if there is one. Error: the
/// message can't be read.
Task<Result<std::string>> seal_fields(Loop& loop, Port& lookup, const Config& config,
                                      const Attempt& request, const Descriptor& body,
                                      std::int64_t now_seconds);

}  // namespace pennypost::smtp
