// Makes the route to a next hop: its TLS policy and our login there, and the hops that are tried if
// it can't be reached.
//
// The tables are smtp_tls_policy_maps, smtp_sasl_password_maps and those of
// smtp_requiretls_policy; the other hops those of smtp_fallback_relay. For LMTP they are the lmtp_
// settings instead. Blocks on tables; may be used by several threads. Errors are temporary.
//
// SEE ALSO   next_hop.h (the notation), onward.h (which next hop)
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "smtpd/routing/next_hop.h"
#include "smtpd/routing/requiretls_hops.h"
#include "smtpd/routing/route.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class HopTables {
 public:
  HopTables() = default;
  /// `protocol`: Smtp, or Lmtp, for which `config` has the client's settings for LMTP
  /// (common/config/lmtp_settings.h). Error: the configuration names an impossible table.
  static Result<HopTables> open(Transport protocol, std::shared_ptr<const Config> config,
                                const store::MapOptions& options);

  /// The route by the transport `name` to this next hop. Error 451 4.3.5: it is malformed.
  Result<Route> route(const std::string& name, std::string_view next_hop) const;
  /// smtp_sender_dependent_authentication: the login of a message's sender, if the table has one,
  /// in place of those of the route's hops.
  Result<void> use_login_of(const std::string& sender, Route& route) const;

 private:
  Result<NextHop> parse(std::string_view text) const;
  Result<FallbackHop> hop_of(std::string_view text) const;
  static Result<std::string> value_of(const store::MapList& maps, const std::string& written,
                                      const NextHop& hop);

  Transport protocol_ = Transport::Smtp;
  std::shared_ptr<const Config> config_;
  store::MapList tls_policies_;
  store::MapList sasl_passwords_;
  RequireTlsHops requiretls_;
};

}  // namespace pennypost::smtp
