#include "smtpd/routing/router.h"

#include "common/base/explanation.h"
#include "common/base/text.h"
#include "common/config/check.h"
#include "smtpd/routing/resolution.h"
#include "store/maps/address_lookup.h"
#include "store/maps/generation.h"

namespace pennypost::smtp {
namespace {

using store::MapList;

/// The default table need not exist, since a new host may have no aliases.
store::MapOptions alias_options(const Config& config, store::MapOptions options) {
  options.absent_is_empty = config.where("alias_maps").starts_with("default of ");
  if (!options.absent_is_empty || !options.on_problem) return options;
  for (const auto& table : config.alias_maps) {
    if (table.type != "hash" || !store::is_table_absent(table.name)) continue;
    options.on_problem(
        table.name + " does not exist: this host has no aliases, and mail for root " +
        "and postmaster waits; create it with a line \"root: NAME\", and run newaliases");
  }
  return options;
}

/// What a class means for mail, as a sentence about the domain.
std::string explained(DomainClass domain) {
  switch (domain) {
    case DomainClass::Local:
      return " is final here (mydestination): accounts and alias_maps";
    case DomainClass::VirtualAlias:
      return " has virtual aliases alone (virtual_alias_domains)";
    case DomainClass::Hosted:
      return " is hosted (virtual_mailbox_domains): own users alone";
    case DomainClass::Relay:
      return " is relayed (relay_domains)";
    case DomainClass::Foreign:
      break;
  }
  return " is of another host";
}

}  // namespace

Result<Router> Router::open(std::shared_ptr<const Config> config,
                            std::shared_ptr<const AccountFinder> accounts, Host host,
                            const store::MapOptions& options) {
  Router router;
  TRY(router.domains_, Domains::open(*config, host.own_addresses, options));
  TRY(router.virtual_aliases_, MapList::open(config->virtual_alias_maps, options));
  TRY(router.aliases_, MapList::open(config->alias_maps, alias_options(*config, options)));
  TRY(router.canonical_, Canonical::open(*config, options));
  TRY(router.relocated_, MapList::open(config->relocated_maps, options));
  TRY(router.relay_recipients_, MapList::open(config->relay_recipient_maps, options));
  TRY(router.local_recipients_, MapList::open(config->local_recipient_maps, options));
  TRY(router.hosted_recipients_, MapList::open(config->virtual_mailbox_maps, options));
  TRY(router.mailbox_transports_, MapList::open(config->mailbox_transport_maps, options));
  TRY(router.mailbox_commands_, MapList::open(config->mailbox_command_maps, options));
  TRY(router.fallback_transports_, MapList::open(config->fallback_transport_maps, options));
  TRY(router.masquerade_, Masquerade::open(*config, options));
  TRY(router.generic_, Generic::open(*config, options));
  TRY(router.forwarded_senders_, ForwardedSenders::open(*config, options));
  TRY(router.copies_, BlindCopies::open(*config, options));
  TRY(router.onward_, Onward::open(config, options));
  router.config_ = std::move(config);
  router.accounts_ = std::move(accounts);
  router.trust_ = AliasTrust(router.config_, router.accounts_, std::move(host));
  return router;
}

Result<Resolution> Router::resolve(const Recipient& recipient, const std::string& sender,
                                   const std::string& filter) const {
  return resolve_for(Purpose::Delivery, recipient, sender, filter);
}

Result<Resolution> Router::resolve_for(Purpose purpose, const Recipient& recipient,
                                       const std::string& sender, const std::string& filter) const {
  if (recipient.kind != RecipientKind::Address) return program(recipient);
  auto resolution = resolve_address(purpose, recipient, sender, filter);
  if (!resolution) return resolution_of(resolution.error());
  if (!resolution->is_expansion && is_sent(resolution->route.transport)) {
    TRY_DO(onward_.use_login_of(sender, resolution->route));
  }
  return resolution;
}

Result<Resolution> Router::program(const Recipient& recipient) const {
  Resolution resolution;
  resolution.route.transport = recipient.kind == RecipientKind::Command ? Transport::Pipe
                               : recipient.kind == RecipientKind::File  ? Transport::File
                                                                        : Transport::Include;
  resolution.route.next_hop = recipient.address;
  if (recipient.run_as.empty()) return resolution;
  TRY(auto account, accounts_->by_name(recipient.run_as));
  if (!account) return error_route("5.1.1", "unknown user: \"" + recipient.run_as + "\"");
  resolution.route.account = std::move(*account);
  return resolution;
}

Result<Resolution> Router::resolve_address(Purpose purpose, const Recipient& recipient,
                                           const std::string& sender,
                                           const std::string& filter) const {
  std::string text =
      recipient.address.empty() ? config_->empty_address_recipient : recipient.address;
  auto complete = complete_address(text, *config_);
  if (!complete) return error_route("5.1.3", "bad address syntax: " + printable(text, 200));
  TRY(auto address, MailAddress::parse(*complete, Utf8::Allowed));
  if (!config_->allow_min_user && address.local().starts_with('-')) {
    return error_route("5.1.3", "bad address syntax: " + printable(*complete, 200));
  }
  if (!address.domain()) {
    return filter.empty() ? local(purpose, recipient, address)
                          : filtered(recipient, address, filter);
  }
  if (forwarded_senders_.is_one(address)) {
    TRY(auto original, forwarded_senders_.original(address));
    Recipient child = recipient;
    child.address = original.text();
    std::vector<Recipient> children;
    children.push_back(std::move(child));
    return expansion(std::move(children));
  }
  TRY(auto domain, domains_.classify(*address.domain()));
  Explanation::add([&] { return domain_key(address) + explained(domain); });
  if (!recipient.is_self) {
    bool is_first = recipient.depth == 0 && !recipient.is_virtual_self;
    TRY(auto other, rewritten(address, domain, is_first));
    if (other) {
      Recipient child = recipient;
      child.address = other->text();
      std::vector<Recipient> children;
      children.push_back(std::move(child));
      return expansion(std::move(children));
    }
  }
  if (!recipient.is_self && !recipient.is_virtual_self) {
    TRY(auto expanded, virtual_alias(recipient, address, domain));
    if (expanded) return std::move(*expanded);
  }
  if (!filter.empty()) return filtered(recipient, address, filter);
  if (domain == DomainClass::VirtualAlias) {
    return error_route("5.1.1", "User unknown in virtual alias table");
  }
  TRY(auto moved, moved_to(address, domain));
  if (moved) return error_route("5.1.6", "User has moved to " + printable(*moved, 500));
  if (domain == DomainClass::Local) return local(purpose, recipient, address);
  if (domain == DomainClass::Hosted) return hosted(purpose, recipient, address, sender);
  if (domain == DomainClass::Relay) {
    TRY(bool is_known, is_relay_recipient(address));
    if (!is_known) return error_route("5.1.1", "User unknown in relay recipient table");
  }
  TRY(auto way, onward_.way(address, domain, sender));
  TRY(auto found, by_transport(purpose, recipient, way.transport, address, way.default_next_hop));
  if (domain == DomainClass::Foreign) {
    TRY(found.srs_sender, sender_of_forwarded(recipient, sender, found.route));
  }
  return found;
}

/// The sender in srs_domain; empty if the sender stays.
Result<std::string> Router::sender_of_forwarded(const Recipient& recipient,
                                                const std::string& sender,
                                                const Route& route) const {
  std::string none;
  bool is_forwarded = recipient.depth > 0 && route.transport == Transport::Smtp;
  if (!is_forwarded || sender.empty() || config_->srs_domain.empty()) return none;
  auto address = MailAddress::parse(sender, Utf8::Allowed);
  if (!address || !address->domain()) return none;
  TRY(auto domain, domains_.classify(*address->domain()));
  if (domain != DomainClass::Foreign) return none;
  TRY(auto rewritten, forwarded_senders_.rewritten(*address));
  return rewritten.value_or(none);
}

Result<std::optional<std::string>> Router::moved_to(const MailAddress& address,
                                                    DomainClass domain) const {
  std::optional<std::string> none;
  if (relocated_.empty()) return none;
  TRY(auto match, store::lookup_address(relocated_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, is_own(domain, address)));
  if (!match) return none;
  return std::optional(std::move(match->value));
}

Result<Resolution> Router::by_transport(Purpose purpose, const Recipient& recipient,
                                        std::string_view setting, const MailAddress& address,
                                        const std::string& default_next_hop) const {
  auto transport = TransportName::parse(setting);
  const OwnTransport* own = config_->find_transport(transport.name);
  auto kind = own != nullptr ? std::optional(own->kind) : built_in_transport(transport.name);
  if (!kind) {
    // As in Postfix the mail waits in the queue until the transport exists.
    return Error(exists_but_takes_no_mail, "4.3.5", no_transport(*config_, transport.name));
  }
  const auto& next_hop = transport.next_hop.empty() ? default_next_hop : transport.next_hop;
  switch (*kind) {
    case TransportKind::Error:
      return by_name(error_route_of_text(transport.next_hop, "5.0.0"), transport.name);
    case TransportKind::Retry:
      return by_name(error_route_of_text(transport.next_hop, "4.0.0"), transport.name);
    case TransportKind::Discard:
      return by_name(discard(transport.next_hop.empty() ? "discarded" : transport.next_hop),
                     transport.name);
    case TransportKind::Local:
    case TransportKind::Virtual: {
      TRY(auto found, mailbox(purpose, recipient, address));
      return by_name(std::move(found), transport.name);
    }
    case TransportKind::Smtp:
    case TransportKind::Relay:
    case TransportKind::Lmtp:
    case TransportKind::Pipe:
      break;
  }
  Resolution resolution;
  if (*kind != TransportKind::Pipe) {
    auto protocol = *kind == TransportKind::Lmtp ? Transport::Lmtp : Transport::Smtp;
    TRY(resolution.route, onward_.route(protocol, transport.name, next_hop));
    return resolution;
  }
  resolution.route.transport = Transport::Program;
  resolution.route.name = transport.name;
  resolution.route.next_hop = next_hop;
  return resolution;
}

/// The route to a content filter; without a destination of its own it is default_filter_nexthop, or
/// the recipient's domain.
Result<Resolution> Router::filtered(const Recipient& recipient, const MailAddress& address,
                                    const std::string& filter) const {
  const auto& for_all = config_->default_filter_nexthop;
  return by_transport(Purpose::Delivery, recipient, filter, address,
                      for_all.empty() ? domain_key(address) : for_all);
}

// For RCPT.

Result<bool> Router::is_relay_recipient(const MailAddress& address) const {
  if (relay_recipients_.empty()) return true;
  TRY(auto match, store::lookup_address(relay_recipients_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, false));
  return match.has_value();
}

Result<Resolution> Router::destination(const MailAddress& address) const {
  Recipient recipient;
  recipient.address = address.text();
  for (std::uint64_t step = 0; step <= config_->alias_depth_max; ++step) {
    TRY(auto resolution, resolve_for(Purpose::Rcpt, recipient, "", ""));
    bool leads_on = resolution.is_expansion && resolution.children.size() == 1 &&
                    resolution.children[0].kind == RecipientKind::Address;
    if (!leads_on) return resolution;
    auto depth = recipient.depth;
    recipient = std::move(resolution.children[0]);
    recipient.depth = static_cast<std::uint16_t>(depth + 1);
  }
  return error_route("5.4.6", "too many expansions lead to " + printable(recipient.address, 200));
}

}  // namespace pennypost::smtp
