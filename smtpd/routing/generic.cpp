#include "smtpd/routing/generic.h"

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/routing/resolution.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

using store::MapList;

Result<Generic> Generic::open(const Config& config, const store::MapOptions& options) {
  Generic generic;
  TRY(generic.smtp_, MapList::open(config.smtp_generic_maps, options));
  TRY(generic.lmtp_, MapList::open(config.lmtp_generic_maps, options));
  return generic;
}

Result<MailAddress> Generic::rewritten(Transport transport, const MailAddress& address,
                                       const Config& config, const Canonical::IsOwn& is_own) const {
  const MapList& maps = transport == Transport::Lmtp ? lmtp_ : smtp_;
  if (maps.empty() || address.is_null() || !address.domain()) return address;
  TRY(bool own, is_own(address));
  TRY(auto match, store::lookup_address(maps, address.local(), domain_key(address),
                                        config.recipient_delimiter, own));
  if (!match) return address;
  bool keeps_extension = holds(config.propagate_unmatched_extensions, "generic");
  auto target = target_address(trim(match->value), address,
                               keeps_extension ? match->unmatched_extension : "", config);
  if (target) return target->with_ascii_domain();
  std::string name = transport == Transport::Lmtp ? "lmtp_generic_maps" : "smtp_generic_maps";
  return Error::temporary("4.3.5", name + ": " + printable(address.text(), 200) + " leads to \"" +
                                       printable(match->value, 100) +
                                       "\", which is not an address");
}

}  // namespace pennypost::smtp
