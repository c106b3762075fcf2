// The Router's part for mailboxes: those of final domains and of hosted ones, who gets the mail of
// unknown users, and the addresses that exist on every host.
//
// A local user's mail goes, as in Postfix, to mailbox_transport_maps, mailbox_transport, or his
// mailbox or command; an unknown user's to fallback_transport_maps, fallback_transport,
// luser_relay. At RCPT an unknown user exists only if local_recipient_maps says so.
//
// STANDARDS  RFC 5321 section 4.5.1 (postmaster)
// SEE ALSO   router_local.cpp (aliases, which come first), user_text.h
#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "smtpd/routing/next_hop.h"
#include "smtpd/routing/resolution.h"
#include "smtpd/routing/router.h"
#include "smtpd/routing/user_text.h"
#include "store/maps/address_lookup.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {
namespace {

using store::MapList;

/// A user's value in a table, or else the setting for all.
Result<std::string> of_user(const MapList& maps, const std::string& user,
                            const std::string& for_all) {
  if (maps.empty()) return for_all;
  TRY(auto value, maps.lookup(user, MapList::Key::Whole));
  return value ? std::string(trim(*value)) : for_all;
}

}  // namespace

/// `local` and `virtual`, and what is of these kinds, mean the mailbox.
bool Router::leads_elsewhere(std::string_view transport) const {
  auto name = TransportName::parse(transport).name;
  const OwnTransport* own = config_->find_transport(name);
  auto kind = own != nullptr ? std::optional(own->kind) : built_in_transport(name);
  return !name.empty() && kind != TransportKind::Local && kind != TransportKind::Virtual;
}

Result<Resolution> Router::mailbox(Purpose purpose, const Recipient& recipient,
                                   const MailAddress& address) const {
  auto account = accounts_->by_address(address.local(), domain_key(address));
  if (!account) return account.error();
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  std::string user = unicode_lower(split.user);
  TRY(auto transport, of_user(mailbox_transports_, user, config_->mailbox_transport));
  bool is_elsewhere = leads_elsewhere(transport);
  if (is_elsewhere && !*account) {
    TRY(is_elsewhere, is_listed_local(address));
  }
  if (is_elsewhere) {
    return by_transport(purpose, recipient, transport, address, domain_key(address));
  }
  if (!*account) return unknown_user(purpose, recipient, address);
  Resolution resolution;
  resolution.route.transport = Transport::Local;
  if ((*account)->is_system) {
    TRY(resolution.route.next_hop, of_user(mailbox_commands_, (*account)->name, ""));
  }
  resolution.route.account = std::move(**account);
  return resolution;
}

/// Whether local_recipient_maps has the address: set to nothing, it has all.
Result<bool> Router::is_listed_local(const MailAddress& address) const {
  if (local_recipients_.empty()) {
    return !config_->where("local_recipient_maps").starts_with("default of ");
  }
  TRY(auto listed, store::lookup_address(local_recipients_, address.local(), domain_key(address),
                                         config_->recipient_delimiter, true));
  return listed.has_value();
}

Result<Resolution> Router::unknown_user(Purpose purpose, const Recipient& recipient,
                                        const MailAddress& address) const {
  bool is_taken = !config_->fallback_transport.empty() || !fallback_transports_.empty() ||
                  !config_->luser_relay.empty();
  if (is_taken && purpose == Purpose::Rcpt) {
    TRY(is_taken, is_listed_local(address));
  }
  if (!is_taken) return no_such_user(address);
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  TRY(auto transport,
      of_user(fallback_transports_, unicode_lower(split.user), config_->fallback_transport));
  if (leads_elsewhere(transport)) {
    return by_transport(purpose, recipient, transport, address, domain_key(address));
  }
  TRY(auto relayed, luser_relay(recipient, address));
  if (relayed) return std::move(*relayed);
  return no_such_user(address);
}

Result<std::optional<Resolution>> Router::luser_relay(const Recipient& recipient,
                                                      const MailAddress& address) const {
  std::optional<Resolution> none;
  if (config_->luser_relay.empty() || recipient.is_self) return none;
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  UserNames names;
  names.user = split.user;
  names.extension = split.extension;
  names.recipient_delimiter = config_->recipient_delimiter.substr(0, 1);
  if (split.delimiter != '\0') names.recipient_delimiter = std::string(1, split.delimiter);
  names.local = address.local();
  names.domain = domain_key(address);
  names.recipient = address.text();
  std::string text = expand_user_text(config_->luser_relay, names, EmptyExtension::IsText).value();
  store::AliasItem item{store::AliasItem::Kind::Address, std::move(text)};
  ExpansionRules rules;
  rules.place = "luser_relay";
  TRY(auto children, expand_items({std::move(item)}, recipient, *config_, rules));
  TRY(auto target, MailAddress::parse(children.at(0).address, Utf8::Allowed));
  if (target.folded_key() == address.folded_key()) return none;
  return std::optional(expansion(std::move(children)));
}

Result<Resolution> Router::no_such_user(const MailAddress& address) const {
  const std::string& local = address.local();
  // RFC 5321 section 4.5.1: postmaster always exists.
  if (equal_nocase(local, "postmaster")) {
    return Error(exists_but_takes_no_mail, "4.3.5",
                 "nobody reads postmaster's mail; add to /etc/aliases \"postmaster: NAME\" and run "
                 "newaliases");
  }
  if (equal_nocase(local, config_->double_bounce_sender)) {
    return discard("undeliverable postmaster notification discarded");
  }
  if (equal_nocase(local, "mailer-daemon")) {
    Recipient to_postmaster;
    TRY(to_postmaster.address, complete_address("postmaster", *config_));
    std::vector<Recipient> children;
    children.push_back(std::move(to_postmaster));
    return expansion(std::move(children));
  }
  return error_route("5.1.1", "unknown user: \"" + printable(local, 200) + "\"");
}

// Hosted domains.

Result<Resolution> Router::hosted(Purpose purpose, const Recipient& recipient,
                                  const MailAddress& address, const std::string& sender) const {
  TRY(auto way, onward_.way(address, DomainClass::Hosted, sender));
  if (!leads_elsewhere(way.transport)) {
    TRY(auto found, own_mailbox(address));
    return by_name(std::move(found), TransportName::parse(way.transport).name);
  }
  TRY(bool is_known, is_hosted_recipient(address));
  if (!is_known) return error_route("5.1.1", "User unknown in virtual mailbox table");
  return by_transport(purpose, recipient, way.transport, address, way.default_next_hop);
}

Result<Resolution> Router::own_mailbox(const MailAddress& address) const {
  TRY(auto account, accounts_->own_by_address(address.local(), domain_key(address)));
  if (account) {
    Resolution resolution;
    resolution.route.transport = Transport::Local;
    resolution.route.account = std::move(*account);
    return resolution;
  }
  // RFC 5321 section 4.5.1: postmaster exists in every domain; the host's reads what is sent there.
  if (equal_nocase(address.local(), "postmaster")) {
    Recipient to_postmaster;
    TRY(to_postmaster.address, complete_address("postmaster", *config_));
    TRY(auto target, MailAddress::parse(to_postmaster.address, Utf8::Allowed));
    if (target.folded_key() != address.folded_key()) {
      std::vector<Recipient> children;
      children.push_back(std::move(to_postmaster));
      return expansion(std::move(children));
    }
  }
  TRY(auto listed, store::lookup_address(hosted_recipients_, address.local(), domain_key(address),
                                         config_->recipient_delimiter, false));
  if (listed) {
    return Error(exists_but_takes_no_mail, "4.3.5",
                 address.text() + " is in virtual_mailbox_maps but is no own user; run pennypost " +
                     "user add " + address.text());
  }
  return error_route("5.1.1", "unknown user: \"" + printable(address.text(), 300) + "\"");
}

/// For another virtual_transport; without virtual_mailbox_maps any address exists.
Result<bool> Router::is_hosted_recipient(const MailAddress& address) const {
  if (hosted_recipients_.empty()) return true;
  TRY(auto listed, store::lookup_address(hosted_recipients_, address.local(), domain_key(address),
                                         config_->recipient_delimiter, false));
  if (listed) return true;
  TRY(auto account, accounts_->own_by_address(address.local(), domain_key(address)));
  return account.has_value();
}

}  // namespace pennypost::smtp
