// Completes addresses that local programs and users have abbreviated, in envelopes and headers:
// `ann`, `ann@host`.
//
// SEE ALSO   address_list.h (addresses in header fields), fixups.h (the header of posted mail)
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"

namespace pennypost {

/// The domains that complete an address; without one, the addresses it would complete are left
/// alone.
struct Completion {
  std::optional<Domain> myorigin;  // `ann` becomes ann@myorigin
  std::optional<Domain> mydomain;  // `ann@host` becomes ann@host.mydomain

  bool is_off() const { return !myorigin && !mydomain; }
  /// The null address, literals and localhost stay as they are. Error 501 5.1.3: the domain would
  /// be too long.
  Result<MailAddress> complete(MailAddress address) const;
  /// The same for an address in a header, where `ann@host.` means that nothing is missing. Error
  /// 501 5.1.3 also if it is not an address.
  Result<MailAddress> complete(const ListedAddress& listed) const;
};

/// Whether no Completion would change it, whatever its domains are.
bool is_complete(const MailAddress& address);

}  // namespace pennypost
