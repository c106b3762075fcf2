// The Router's first steps: rewriting by canonical maps and masquerade_domains, blind copies, and
// virtual aliases; and its last: rewriting of mail that leaves by generic maps.
#include <algorithm>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "smtpd/routing/resolution.h"
#include "smtpd/routing/router.h"
#include "store/maps/address_lookup.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {
namespace {

/// The addresses on the right side of an address table.
Result<std::vector<std::string>> addresses_of(std::string_view value) {
  TRY(auto items, store::parse_alias_items(value));
  std::vector<std::string> list;
  for (auto& item : items) {
    if (item.kind != store::AliasItem::Kind::Address) {
      return Error::temporary("4.3.5", printable(item.text, 100) +
                                           " is not an address; only addresses are allowed here");
    }
    list.push_back(std::move(item.text));
  }
  return list;
}

}  // namespace

/// Step 1; nothing if the address does not change.
Result<std::optional<MailAddress>> Router::rewritten(const MailAddress& address, DomainClass domain,
                                                     bool is_first) const {
  std::optional<MailAddress> other;
  auto hidden = domain == DomainClass::Local ? address.hidden_route() : std::nullopt;
  if (hidden) {
    bool is_taken = (hidden->kind == HiddenRoute::Kind::Percent && config_->allow_percent_hack) ||
                    (hidden->kind == HiddenRoute::Kind::Bang && config_->swap_bangpath);
    auto destination = Domain::parse(hidden->destination, Utf8::Allowed);
    if (is_taken && destination) {
      TRY(other, MailAddress::make(hidden->user, std::move(*destination)));
      return other;
    }
  }
  if (!is_first) return other;
  TRY(auto now, canonical(AddressClass::EnvelopeRecipient, address));
  if (now != address) other = std::move(now);
  return other;
}

Result<bool> Router::is_own(const MailAddress& address) const {
  if (!address.domain()) return true;
  TRY(auto domain, domains_.classify(*address.domain()));
  return is_own(domain, address);
}

Result<Canonicalize::Rewritten> Router::canonicalize(const Canonicalize& ask) const {
  Canonicalize::Rewritten rewritten;
  if (!ask.sender.empty()) {
    TRY(rewritten.sender, canonical_text(AddressClass::EnvelopeSender, ask.sender));
  }
  for (const auto& address : ask.in_header) {
    auto what = address.is_recipient ? AddressClass::HeaderRecipient : AddressClass::HeaderSender;
    TRY(auto text, canonical_text(what, address.text));
    rewritten.in_header.push_back(std::move(text));
  }
  TRY(rewritten.copies, blind_copies(ask, rewritten.sender));
  return rewritten;
}

Result<MailAddress> Router::canonical(AddressClass what, const MailAddress& address) const {
  TRY(auto now, canonical_.rewritten(what, address, *config_,
                                     [this](const auto& one) { return is_own(one); }));
  return masquerade_.applied(what, std::move(now));
}

/// Looked up by the addresses after rewriting. A malformed recipient, which will bounce, has no
/// copies.
Result<std::vector<std::string>> Router::blind_copies(const Canonicalize& ask,
                                                      const std::string& sender) const {
  BlindCopies::Search search(copies_, *config_, [this](const auto& one) { return is_own(one); });
  TRY_DO(search.of_sender(sender));
  for (const auto& text : ask.recipients) {
    auto complete = complete_address(text, *config_);
    auto address = complete ? MailAddress::parse(*complete, Utf8::Allowed) : complete.error();
    if (!address || !address->domain()) continue;
    TRY(auto now, canonical(AddressClass::EnvelopeRecipient, *address));
    TRY_DO(search.of_recipient(now));
  }
  return search.take();
}

/// A malformed address is returned unchanged.
Result<std::string> Router::canonical_text(AddressClass what, const std::string& text) const {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (!address || address->is_null()) return text;
  TRY(auto now, canonical(what, *address));
  return now == *address ? text : now.text();
}

Result<Generalize::Rewritten> Router::generalize(const Generalize& ask) const {
  Generalize::Rewritten rewritten;
  TRY(rewritten.sender, generic_text(ask.transport, ask.sender));
  for (const auto& text : ask.others) {
    TRY(auto now, generic_text(ask.transport, text));
    rewritten.others.push_back(std::move(now));
  }
  return rewritten;
}

/// A malformed address is returned unchanged.
Result<std::string> Router::generic_text(Transport transport, const std::string& text) const {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (!address || address->is_null()) return text;
  auto is_own_one = [this](const MailAddress& one) { return is_own(one); };
  TRY(auto now, generic_.rewritten(transport, *address, *config_, is_own_one));
  return now == *address ? text : now.text();
}

bool Router::propagates(std::string_view what) const {
  const auto& list = config_->propagate_unmatched_extensions;
  return std::find(list.begin(), list.end(), what) != list.end();
}

/// Whether the bare local part is looked up, too, as in virtual(5): in myorigin, mydestination and
/// our literals.
bool Router::is_own(DomainClass domain, const MailAddress& address) const {
  return domain == DomainClass::Local ||
         (address.domain() &&
          "@" + address.domain()->key() == folded_address("@" + config_->myorigin));
}

Result<std::optional<Resolution>> Router::virtual_alias(const Recipient& recipient,
                                                        const MailAddress& address,
                                                        DomainClass domain) const {
  std::optional<Resolution> none;
  TRY(auto match, store::lookup_address(virtual_aliases_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, is_own(domain, address)));
  if (!match) return none;
  auto targets = addresses_of(match->value);
  if (!targets) return Error::temporary("4.3.5", "virtual_alias_maps: " + targets.error().text());
  if (targets->size() > config_->virtual_alias_expansion_limit) {
    return Error(554, "5.4.6",
                 address.text() + " leads to more than virtual_alias_expansion_limit addresses");
  }
  std::string extension = propagates("virtual") ? match->unmatched_extension : "";
  std::vector<Recipient> children;
  for (const auto& text : *targets) {
    auto target = target_address(text, address, extension, *config_);
    if (!target) {
      return Error::temporary("4.3.5", "virtual_alias_maps: " + address.text() + " leads to \"" +
                                           printable(text, 100) + "\", which is not an address");
    }
    // An alias of an address to itself, which excepts it from a catch-all, is no expansion.
    if (targets->size() == 1 && target->folded_key() == address.folded_key()) return none;
    Recipient child = recipient;
    child.address = target->text();
    // It is not looked up here again, but alias_maps still apply.
    child.is_virtual_self = target->folded_key() == address.folded_key();
    children.push_back(std::move(child));
  }
  if (children.empty()) return std::optional(error_route("5.1.1", "virtual alias without address"));
  return std::optional(expansion(std::move(children)));
}

}  // namespace pennypost::smtp
