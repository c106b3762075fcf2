// Finds how mail leaves this host: its transport and next hop.
//
// Blocks on tables; may be used by several threads. Errors are temporary.
//
// SEE ALSO   next_hop.h (the notation), hop_tables.h (TLS policy and login), router.h (which
//            addresses come here)
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/domain_class.h"
#include "smtpd/routing/hop_tables.h"
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
  /// The route to this next hop. `protocol`: Smtp or Lmtp; `name`: the transport's.
  Result<Route> route(Transport protocol, const std::string& name, std::string_view next_hop) const;
  /// The login of the message's sender, for transports with smtp_sender_dependent_authentication.
  Result<void> use_login_of(const std::string& sender, Route& route) const;

 private:
  const HopTables& hops_of(Transport protocol, const std::string& name) const;
  Result<std::optional<std::string>> of_sender(const store::MapList& table,
                                               const std::string& sender) const;

  std::shared_ptr<const Config> config_;
  store::MapList transports_;
  store::MapList sender_relayhosts_;
  store::MapList sender_transports_;
  HopTables smtp_hops_;
  HopTables lmtp_hops_;
  std::map<std::string, HopTables, std::less<>> own_hops_;  // of [transport.NAME]
};

}  // namespace pennypost::smtp
