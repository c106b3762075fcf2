// Completes addresses that local programs and users wrote short, in envelopes as in headers: `ann`,
// `ann@host`.
//
// SEE ALSO   address_list.h (addresses in header fields), fixups.h (the header of posted mail)
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"

namespace pennypost {

/// The domains that complete an address; what they would complete is left alone without them.
struct Completion {
  std::optional<Domain> myorigin;  // `ann` becomes ann@myorigin
  std::optional<Domain> mydomain;  // `ann@host` becomes ann@host.mydomain

  bool is_off() const { return !myorigin && !mydomain; }
  /// The null address stays, and so do literals and localhost. Error 501 5.1.3: the domain would be
  /// too long.
  Result<MailAddress> complete(MailAddress address) const;
  /// The same of an address in a header, where `ann@host.` says that nothing is missing. Error 501
  /// 5.1.3, too, if it is no address.
  Result<MailAddress> complete(const ListedAddress& listed) const;
};

/// Whether a Completion changes nothing of it, whatever its domains are.
bool is_complete(const MailAddress& address);

}  // namespace pennypost
