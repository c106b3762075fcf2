// States the TLS that a session with one host must have.
//
// SEE ALSO   tls_choice.h (who decides it), smtp_client.h (who sees to it)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/config/requiretls_policy.h"
#include "common/tls/context.h"
#include "common/tls/server_demand.h"

namespace pennypost::smtp {

class TlsDemand {
 public:
  /// May: where it is offered; Encrypt: no mail without; Verified: and no mail unless the
  /// certificate is the one that `server` or `fingerprints` ask for.
  enum class Level { None, May, Encrypt, Verified };
  Level level = Level::May;
  RequireTls requiretls = RequireTls::Disable;  // what a message with REQUIRETLS needs
  bool is_implicit = false;  // TLS before the greeting (smtp_tls_wrappermode, port 465)
  ServerDemand server;
  std::vector<std::string>
      fingerprints;    // of the certificate or of its key; empty: `server` counts
  std::string digest;  // of the fingerprints: sha256
  std::shared_ptr<TlsContext> context;
};

}  // namespace pennypost::smtp
