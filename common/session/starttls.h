// Switches a dialogue to TLS: STARTTLS, STLS, and implicit TLS.
//
// What the client sent behind its command in plain text is thrown away, so that nobody in the
// middle can put commands into the encrypted dialogue (RFC 3207 section 4.2, RFC 9051 section
// 6.2.1, CVE-2011-0411).
#pragma once

#include <cstddef>
#include <memory>

#include "common/net/connection.h"
#include "common/tls/context.h"
#include "common/tls/tls_stream.h"

namespace pennypost {

/// Sends what was put(), the positive answer to the command; drops what is buffered; shakes hands,
/// which as a whole takes no longer than the limit and ends by the connection's deadline. The
/// stream now in the connection is returned: it stays the connection's. Throws Disconnected.
Task<TlsStream*> start_tls(Connection& connection, std::shared_ptr<TlsContext> context,
                           Duration handshake_limit);

}  // namespace pennypost
