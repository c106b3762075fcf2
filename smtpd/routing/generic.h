// Rewrites the addresses of mail that leaves this host, as in generic(5): a local address becomes
// one that the Internet knows. Mail that is delivered here keeps its addresses.
//
// smtp_generic_maps apply to mail by SMTP, lmtp_generic_maps to mail by LMTP; the keys are those of
// virtual(5). The result is not looked up again. `@example.org` on the right side keeps the local
// part; an extension that the table did not match is kept if propagate_unmatched_extensions has
// generic.
//
// Blocks on tables; may be used by several threads. Errors are temporary: a table can't be read
// now, or has a malformed address.
//
// SEE ALSO   canonical.h (what is rewritten when mail comes in), ../scheduler/outgoing.h (when)
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/route.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

class Generic {
 public:
  Generic() = default;
  static Result<Generic> open(const Config& config, const store::MapOptions& options);

  /// The address that mail by `transport` has in place of `address`.
  Result<MailAddress> rewritten(Transport transport, const MailAddress& address,
                                const Config& config, const Canonical::IsOwn& is_own) const;

 private:
  store::MapList smtp_;
  store::MapList lmtp_;
};

}  // namespace pennypost::smtp
