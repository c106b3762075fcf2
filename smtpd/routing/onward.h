// Finds how mail leaves this host: its transport and next hop, and the TLS policy and login for
// that.
//
// Blocks on tables; may be used by several threads. Errors are temporary.
//
// SEE ALSO   next_hop.h (the notation), router.h (which addresses come here)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/domain_class.h"
#include "smtpd/routing/next_hop.h"
#include "smtpd/routing/route.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class Onward {
 public:
  Onward() = default;
  /// Error: the configuration names an impossible table.
  static Result<Onward> open(std::shared_ptr<const Config> config,
                             const store::MapOptions& options);

  /// The value in transport_maps for an address, as written there; nothing if there is none.
  Result<std::optional<std::string>> transport_of(const MailAddress& address) const;
  struct Way {
    std::string transport;  // with or without a next hop
    std::string default_next_hop;
  };
  /// How mail to an address that is not final here leaves the host.
  Result<Way> way(const MailAddress& address, DomainClass domain, const std::string& sender) const;
  /// The route by SMTP to this next hop, with those of smtp_fallback_relay as fallbacks.
  Result<Route> smtp_route(const std::string& transport, std::string_view next_hop) const;

 private:
  Result<std::optional<std::string>> relayhost_of(const std::string& sender) const;
  Result<FallbackHop> hop_of(std::string_view text) const;
  Result<std::string> value_of_next_hop(const store::MapList& maps, const std::string& written,
                                        const NextHop& hop) const;

  std::shared_ptr<const Config> config_;
  store::MapList transports_;
  store::MapList sender_relayhosts_;
  store::MapList tls_policies_;
  store::MapList sasl_passwords_;
};

}  // namespace pennypost::smtp
