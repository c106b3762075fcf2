// Switches a dialogue to TLS: STARTTLS, STLS, and implicit TLS.
//
// Plain text that the client sent after its command is discarded, so that nobody in the middle can
// inject commands into the encrypted dialogue (RFC 3207 section 4.2, RFC 9051 section 6.2.1,
// CVE-2011-0411).
#pragma once

#include <cstddef>
#include <memory>

#include "common/net/connection.h"
#include "common/tls/context.h"
#include "common/tls/tls_stream.h"

namespace pennypost {

/// Sends pending output, that is, the positive answer to the command; discards buffered input; and
/// does the handshake, within the limit and the connection's deadline. Returns the connection's new
/// stream, which the connection still owns. Throws Disconnected.
Task<TlsStream*> start_tls(Connection& connection, std::shared_ptr<TlsContext> context,
                           Duration handshake_limit);

}  // namespace pennypost
