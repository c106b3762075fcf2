#include "smtpd/routing/canonical.h"

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/routing/expansion.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {
namespace {

bool is_sender(AddressClass what) {
  return what == AddressClass::EnvelopeSender || what == AddressClass::HeaderSender;
}

}  // namespace

std::string_view name_of(AddressClass what) {
  switch (what) {
    case AddressClass::EnvelopeSender:
      return "envelope_sender";
    case AddressClass::EnvelopeRecipient:
      return "envelope_recipient";
    case AddressClass::HeaderSender:
      return "header_sender";
    case AddressClass::HeaderRecipient:
      return "header_recipient";
  }
  return "";
}

bool rewrites_addresses(const Config& config) {
  return !config.canonical_maps.empty() || !config.sender_canonical_maps.empty() ||
         !config.recipient_canonical_maps.empty() || !config.masquerade_domains.empty();
}

Result<Canonical> Canonical::open(const Config& config, const store::MapOptions& options) {
  Canonical canonical;
  canonical.senders_ = {{}, "sender_canonical_maps", config.sender_canonical_classes};
  canonical.recipients_ = {{}, "recipient_canonical_maps", config.recipient_canonical_classes};
  canonical.all_ = {{}, "canonical_maps", config.canonical_classes};
  TRY(canonical.senders_.maps, store::MapList::open(config.sender_canonical_maps, options));
  TRY(canonical.recipients_.maps, store::MapList::open(config.recipient_canonical_maps, options));
  TRY(canonical.all_.maps, store::MapList::open(config.canonical_maps, options));
  return canonical;
}

Result<MailAddress> Canonical::rewritten(AddressClass what, const MailAddress& address,
                                         const Config& config, const IsOwn& is_own) const {
  MailAddress now = address;
  for (const Table* table : {is_sender(what) ? &senders_ : &recipients_, &all_}) {
    if (table->maps.empty() || !holds(table->classes, name_of(what))) continue;
    TRY(now, by_table(*table, std::move(now), config, is_own));
  }
  return now;
}

Result<MailAddress> Canonical::by_table(const Table& table, MailAddress address,
                                        const Config& config, const IsOwn& is_own) {
  bool keeps_extension = holds(config.propagate_unmatched_extensions, "canonical");
  for (int step = 0; step < canonical_steps_max; ++step) {
    TRY(bool own, is_own(address));
    std::string domain = address.domain() ? address.domain()->key() : std::string();
    TRY(auto match, store::lookup_address(table.maps, address.local(), domain,
                                          config.recipient_delimiter, own));
    if (!match) return address;
    auto target = target_address(trim(match->value), address,
                                 keeps_extension ? match->unmatched_extension : "", config);
    if (!target) {
      return Error::temporary("4.3.5", table.name + ": " + printable(address.text(), 200) +
                                           " leads to \"" + printable(match->value, 100) +
                                           "\", which is not an address");
    }
    if (*target == address) return address;
    bool is_case_alone = target->folded_key() == address.folded_key();
    address = target->with_ascii_domain();
    if (is_case_alone) return address;
  }
  return Error::temporary("4.3.5", table.name + ": more than " +
                                       std::to_string(canonical_steps_max) + " look-ups lead to " +
                                       printable(address.text(), 200));
}

Result<MailAddress> target_address(std::string_view text, const MailAddress& from,
                                   std::string_view extension, const Config& config) {
  if (text.starts_with('@')) {
    TRY(auto domain, Domain::parse(text.substr(1), Utf8::Allowed));
    return from.with_domain(std::move(domain));
  }
  TRY(auto complete, complete_address(text, config));
  TRY(auto address, MailAddress::parse(complete, Utf8::Allowed));
  if (extension.empty()) return address;
  return address.with_local(address.local() + std::string(extension));
}

}  // namespace pennypost::smtp
