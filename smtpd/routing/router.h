// Resolves a recipient: expands it, or finds the route of its mail.
//
// The order of look-ups:
//   1. an address without a domain gets @myorigin; user%dest@here and dest!user@here become
//      user@dest; canonical maps and masquerade_domains rewrite what the client
//      named
//      a sender made by srs_domain becomes the original one
//   2. virtual_alias_maps, in any domain; virtual_alias_domains have no other users
//   3. final domains: alias_maps, then accounts (own users, system users); postmaster always
//      exists; who is unknown may be fallback_transport's or luser_relay's
//      virtual_mailbox_domains: own users alone, by virtual_transport
//   4. relocated_maps, transport_maps
//   5. relay_domains by relay_transport, all else by sender_dependent_default_transport_maps or
//      default_transport: to the next hop that the transport names, else
//      sender_dependent_relayhost_maps, relayhost, or the domain's MX; what is
//      forwarded to a foreign domain gets a sender in srs_domain
//
// Mail with a content filter goes to that in place of steps 3 to 5, as it comes back from there.
//
// A recipient with is_self skips step 2 and the aliases of step 3: an alias named itself and means
// the mailbox. Each answer is one step; the queue asks again for the children and ends loops.
//
// Blocks on tables and files; may be used by several threads. Errors are temporary.
//
// STANDARDS  RFC 5321 sections 3.9 (aliases), 4.5.1 (postmaster), 5.1 (where to send)
// SEE ALSO   router_rewrite.cpp (steps 1 and 2), router_local.cpp, router_mailbox.cpp (step 3),
//            onward.h (4 and 5)
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
#include "smtpd/routing/blind_copies.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/domains.h"
#include "smtpd/routing/forwarded_senders.h"
#include "smtpd/routing/generic.h"
#include "smtpd/routing/masquerade.h"
#include "smtpd/routing/messages.h"
#include "smtpd/routing/onward.h"
#include "smtpd/routing/router_host.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class Router {
 public:
  using Host = RouterHost;
  /// Error: the configuration names an impossible table.
  static Result<Router> open(std::shared_ptr<const Config> config,
                             std::shared_ptr<const AccountFinder> accounts, Host host,
                             const store::MapOptions& options = {});

  /// Expands a recipient or finds its route. `filter`: the message's content filter.
  Result<Resolution> resolve(const Recipient& recipient, const std::string& sender,
                             const std::string& filter = {}) const;
  /// Rewrites a message's sender and the addresses in its header by canonical maps and
  /// masquerade_domains, and finds who gets a blind copy of it.
  Result<Canonicalize::Rewritten> canonicalize(const Canonicalize& ask) const;
  /// Rewrites the addresses of a message that leaves, by smtp_generic_maps or lmtp_generic_maps.
  Result<Generalize::Rewritten> generalize(const Generalize& ask) const;
  Result<DomainClass> classify(const Domain& domain) const { return domains_.classify(domain); }
  /// Whether ETRN may ask for a domain's mail.
  Result<bool> may_flush(const Domain& domain) const { return domains_.may_flush(domain); }
  /// Whether it is one of this host's, or of proxy_interfaces.
  bool is_own_address(const IpAddress& address) const { return domains_.is_own_address(address); }
  /// For RCPT: finds where mail to this address will go, by the same steps as delivery. Rewritten
  /// addresses and aliases of a single address are followed; for a list, command or file the result
  /// is an expansion without children, and no file is read. An Error with code
  /// exists_but_takes_no_mail means that delivery will wait for the administrator; RCPT accepts
  /// such mail.
  Result<Resolution> destination(const MailAddress& address) const;

 private:
  enum class Purpose { Delivery, Rcpt };
  Router() = default;
  Result<Resolution> resolve_for(Purpose purpose, const Recipient& recipient,
                                 const std::string& sender, const std::string& filter) const;
  Result<Resolution> resolve_address(Purpose purpose, const Recipient& recipient,
                                     const std::string& sender, const std::string& filter) const;
  Result<Resolution> filtered(const Recipient& recipient, const MailAddress& address,
                              const std::string& filter) const;
  bool leads_elsewhere(std::string_view transport) const;
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
  Result<Resolution> mailbox(Purpose purpose, const Recipient& recipient,
                             const MailAddress& address) const;
  Result<Resolution> unknown_user(Purpose purpose, const Recipient& recipient,
                                  const MailAddress& address) const;
  Result<std::optional<Resolution>> luser_relay(const Recipient& recipient,
                                                const MailAddress& address) const;
  Result<bool> is_listed_local(const MailAddress& address) const;
  Result<Resolution> no_such_user(const MailAddress& address) const;
  Result<Resolution> hosted(Purpose purpose, const Recipient& recipient, const MailAddress& address,
                            const std::string& sender) const;
  Result<Resolution> own_mailbox(const MailAddress& address) const;
  Result<bool> is_hosted_recipient(const MailAddress& address) const;
  Result<std::string> sender_of_forwarded(const Recipient& recipient, const std::string& sender,
                                          const Route& route) const;
  Result<std::optional<std::string>> moved_to(const MailAddress& address, DomainClass domain) const;
  Result<Resolution> by_transport(Purpose purpose, const Recipient& recipient,
                                  std::string_view setting, const MailAddress& address,
                                  const std::string& default_next_hop) const;
  Result<std::optional<std::string>> alias_value(std::string_view name) const;
  Result<Resolution> program(const Recipient& recipient) const;
  bool is_own(DomainClass domain, const MailAddress& address) const;
  Result<bool> is_own(const MailAddress& address) const;
  Result<MailAddress> canonical(AddressClass what, const MailAddress& address) const;
  Result<std::string> generic_text(Transport transport, const std::string& text) const;
  Result<std::string> canonical_text(AddressClass what, const std::string& text) const;
  Result<std::vector<std::string>> blind_copies(const Canonicalize& ask,
                                                const std::string& sender) const;
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
  store::MapList hosted_recipients_;
  store::MapList mailbox_transports_;
  store::MapList mailbox_commands_;
  store::MapList fallback_transports_;
  Masquerade masquerade_;
  Generic generic_;
  ForwardedSenders forwarded_senders_;
  BlindCopies copies_;
};

}  // namespace pennypost::smtp
