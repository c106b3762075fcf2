// Says of a recipient what it expands to, or by which route its mail goes on.
//
// The order of look-ups:
//   1. an address without a domain gets @myorigin; user%dest@here and dest!user@here become
//      user@dest; canonical maps rewrite what the client named
//   2. virtual_alias_maps, in any domain; virtual_alias_domains have no other users
//   3. final domains: alias_maps, then accounts (own users, system users); postmaster always exists
//   4. relocated_maps, transport_maps
//   5. relay_domains by relay_transport, all else by default_transport: to the next hop that the
//      transport names, else sender_dependent_relayhost_maps, relayhost, or the domain's MX
//
// A recipient with is_self skips 2 and 3's aliases: an alias named itself and means the mailbox.
// Each answer is one step; the queue asks again for the children, and ends loops.
//
// Blocks on tables and files; may be used by several threads. Errors are temporary.
//
// STANDARDS  RFC 5321 sections 3.9 (aliases), 4.5.1 (postmaster), 5.1 (where to send)
// SEE ALSO   router_rewrite.cpp (steps 1 and 2), router_local.cpp (step 3), onward.h (4 and 5)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/account_finder.h"
#include "smtpd/routing/alias_trust.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/domains.h"
#include "smtpd/routing/messages.h"
#include "smtpd/routing/onward.h"
#include "smtpd/routing/router_host.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class Router {
 public:
  using Host = RouterHost;
  /// Error: the configuration names a table that can't be.
  static Result<Router> open(std::shared_ptr<const Config> config,
                             std::shared_ptr<const AccountFinder> accounts, Host host,
                             const store::MapOptions& options = {});

  /// Expands a recipient or names its route.
  Result<Resolution> resolve(const Recipient& recipient, const std::string& sender) const;
  /// What becomes of a message's sender and of the addresses in its header.
  Result<Canonicalize::Rewritten> canonicalize(const Canonicalize& ask) const;
  Result<DomainClass> classify(const Domain& domain) const { return domains_.classify(domain); }
  /// What RCPT asks: where mail to this address ends, found by the steps that its delivery takes. A
  /// rewriting, and an alias of one address, are followed; of a list, a program or a file only the
  /// expansion is told, without its children, and no file is read. An Error with code
  /// exists_but_takes_no_mail says that delivery will wait for the administrator; mail to it is
  /// taken.
  Result<Resolution> destination(const MailAddress& address) const;

 private:
  enum class Purpose { Delivery, Rcpt };
  Router() = default;
  Result<Resolution> resolve_for(Purpose purpose, const Recipient& recipient,
                                 const std::string& sender) const;
  Result<Resolution> resolve_address(Purpose purpose, const Recipient& recipient,
                                     const std::string& sender) const;
  Result<std::optional<MailAddress>> rewritten(const MailAddress& address, DomainClass domain,
                                               bool is_first) const;
  Result<std::optional<Resolution>> virtual_alias(const Recipient& recipient,
                                                  const MailAddress& address,
                                                  DomainClass domain) const;
  Result<std::optional<Resolution>> alias(Purpose purpose, const Recipient& recipient,
                                          const MailAddress& address) const;
  Result<Resolution> local(Purpose purpose, const Recipient& recipient,
                           const MailAddress& address) const;
  Result<bool> is_relay_recipient(const MailAddress& address) const;
  Result<Resolution> mailbox(const MailAddress& address) const;
  Result<Resolution> nobody(const MailAddress& address) const;
  Result<std::optional<std::string>> moved_to(const MailAddress& address, DomainClass domain) const;
  Result<Resolution> by_transport(std::string_view setting, const MailAddress& address,
                                  const std::string& default_next_hop) const;
  Result<std::optional<std::string>> alias_value(std::string_view name) const;
  Result<Resolution> program(const Recipient& recipient) const;
  bool is_own(DomainClass domain, const MailAddress& address) const;
  Result<bool> is_own(const MailAddress& address) const;
  Result<std::string> canonical_text(AddressClass what, const std::string& text) const;
  bool propagates(std::string_view what) const;

  std::shared_ptr<const Config> config_;
  std::shared_ptr<const AccountFinder> accounts_;
  Domains domains_;
  store::MapList virtual_aliases_;
  store::MapList aliases_;
  Canonical canonical_;
  AliasTrust trust_;
  Onward onward_;
  store::MapList relocated_;
  store::MapList relay_recipients_;
  store::MapList local_recipients_;
};

}  // namespace pennypost::smtp
