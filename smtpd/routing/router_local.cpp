// The Router's part for final domains: aliases.
//
// STANDARDS  RFC 5321 section 3.9 (aliases), RFC 3461 section 5.2.7
// SEE ALSO   router_mailbox.cpp (who is not an alias)
#include "common/base/text.h"
#include "smtpd/routing/next_hop.h"
#include "smtpd/routing/resolution.h"
#include "smtpd/routing/router.h"
#include "store/maps/address_lookup.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {

using store::MapList;

Result<Resolution> Router::local(Purpose purpose, const Recipient& recipient,
                                 const MailAddress& address) const {
  TRY(auto named, onward_.transport_of(address));
  std::string setting =
      named && !named->empty() && !named->starts_with(':') ? *named : config_->local_transport;
  auto transport = TransportName::parse(setting);
  if (leads_elsewhere(setting)) {
    return by_transport(purpose, recipient, setting, address, domain_key(address));
  }
  if (!recipient.is_self) {
    TRY(auto expanded, alias(purpose, recipient, address));
    if (expanded) return std::move(*expanded);
  }
  TRY(auto found, mailbox(purpose, recipient, address));
  return by_name(std::move(found), transport.name);
}

/// An alias may also be a full address, or a name with an extension.
Result<std::optional<std::string>> Router::alias_value(std::string_view name) const {
  return aliases_.lookup(name, MapList::Key::Whole);
}

Result<std::optional<Resolution>> Router::alias(Purpose purpose, const Recipient& recipient,
                                                const MailAddress& address) const {
  std::string name = address.local();
  TRY(auto value, alias_value(name));
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  std::string extension;
  if (!value && split.delimiter != '\0') {
    name = std::string(split.user);
    if (propagates("alias")) extension = address.local().substr(split.user.size());
    TRY(value, alias_value(name));
  }
  std::optional<Resolution> none;
  if (!value) return none;
  auto items = store::parse_alias_items(*value);
  if (!items) return Error::temporary("4.3.5", "alias " + name + ": " + items.error().text());
  bool is_one_address =
      items->size() == 1 && items->front().kind == store::AliasItem::Kind::Address;
  if (purpose == Purpose::Rcpt && !items->empty() && !is_one_address) {
    return std::optional(expansion({}));
  }
  Recipient parent = recipient;
  TRY(auto owner, alias_value("owner-" + name));
  if (owner) {
    // RFC 3461 section 5.2.7.1: this is a mailing list. Reports about its members go to the owner,
    // and the sender's DSN requests end here.
    parent.notify = notify_default;
    parent.orcpt.clear();
    parent.has_own_sender = true;
    TRY(parent.sender, complete_address("owner-" + name, *config_));
    auto owner_items = store::parse_alias_items(*owner);
    if (config_->expand_owner_alias && owner_items && owner_items->size() == 1 &&
        owner_items->front().kind == store::AliasItem::Kind::Address) {
      TRY(parent.sender, complete_address(owner_items->front().text, *config_));
    }
  }
  ExpansionRules rules;
  rules.place = "alias";
  rules.distrust = trust_.distrust();
  rules.read_list = [this](const std::string& path) { return trust_.included(path); };
  TRY(auto children, expand_items(*items, parent, *config_, rules));
  // Mail that would reach nobody is returned, never silently discarded.
  if (children.empty()) {
    return std::optional(error_route("5.2.4", "the alias " + name + " has no recipients"));
  }
  if (!extension.empty()) {
    for (auto& child : children) {
      if (child.kind != RecipientKind::Address) continue;
      TRY(auto target, MailAddress::parse(child.address, Utf8::Allowed));
      TRY(auto extended, target.with_local(target.local() + extension));
      child.address = extended.text();
    }
  }
  // An alias that names only itself is a mailbox.
  if (children.size() == 1 && children[0].kind == RecipientKind::Address) {
    TRY(auto only, MailAddress::parse(children[0].address, Utf8::Allowed));
    if (only.folded_key() == address.folded_key() && !owner) return none;
  }
  return std::optional(expansion(std::move(children)));
}

}  // namespace pennypost::smtp
