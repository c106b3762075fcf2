// Hides the hosts behind a gateway: replaces user@host.example.com by user@example.com.
//
// masquerade_domains lists the domains. The first of them that is a parent of an address's domain
// replaces it; one written `!sub.example.com` leaves what is below it alone, and a domain that is
// in the list itself stays. Users in masquerade_exceptions keep their hosts. Only addresses of
// masquerade_classes are rewritten, after canonical maps.
//
// May be used by several threads. Errors are temporary: a table can't be read now.
//
// STANDARDS  none; Postfix's ADDRESS_REWRITING_README
// SEE ALSO   canonical.h, router.h
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/domains.h"

namespace pennypost::smtp {

class Masquerade {
 public:
  Masquerade() = default;
  static Result<Masquerade> open(const Config& config, const store::MapOptions& options);

  Result<MailAddress> applied(AddressClass what, MailAddress address) const;

 private:
  struct Item {
    std::string domain;  // in the form of Domain::key()
    bool is_replaced;    // what is below it; otherwise it was written with !
  };
  std::vector<Item> domains_;
  std::vector<std::string> classes_;
  bool has_exceptions_ = false;
  DomainList exceptions_;
};

}  // namespace pennypost::smtp
