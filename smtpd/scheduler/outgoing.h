// Changes a message on its way out to another server: first by smtp_header_checks and their kin,
// then by smtp_generic_maps; for LMTP by the lmtp_ settings of these names.
//
// The change is made to the request for one attempt. The message in the queue stays as it came, so
// that its other recipients, reports and what is delivered on this host are not affected. `lookup`
// reads the tables: `send` may read none.
//
// LIMITS     header_block_bytes_max, and those of ../policy/content_checks.h
// STANDARDS  none; Postfix's generic(5) and header_checks(5)
// SEE ALSO   ../routing/generic.h, ../policy/content_inspection.h
#pragma once

#include <memory>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "common/process/port.h"
#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// Whether any setting changes mail that leaves by this transport.
bool changes_outgoing(const Config& config, Transport transport);

/// Changes the request's envelope and pieces. `body`: the file of the body, if there is one. Error
/// 4.3.0: it can't be told now what to change.
Task<Result<void>> change_outgoing(Loop& loop, Port& lookup, std::shared_ptr<const Config> config,
                                   Attempt& request, const Descriptor& body);

}  // namespace pennypost::smtp
