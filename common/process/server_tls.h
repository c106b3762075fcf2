// Makes the TLS contexts of a daemon from its settings, for the master and for `pennypost check`.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/config/config.h"
#include "common/tls/context.h"

namespace pennypost {

using ServerContexts = std::map<Service, std::shared_ptr<TlsContext>>;

/// The contexts of these services; a service without a certificate, or whose TLS is turned off, has
/// none. Errors name the setting's file and the remedy. `tickets` may be null.
Result<ServerContexts> server_contexts(const Config& config, const std::vector<Service>& services,
                                       const std::shared_ptr<TicketKeys>& tickets);

/// The context that verifies next hops; null if no setting requires that.
Result<std::shared_ptr<TlsContext>> verifying_client(const Config& config);

}  // namespace pennypost
