#include "smtpd/routing/masquerade.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/mail/unicode.h"

namespace pennypost::smtp {

Result<Masquerade> Masquerade::open(const Config& config, const store::MapOptions& options) {
  Masquerade masquerade;
  for (const auto& text : config.masquerade_domains) {
    auto marks = std::min(text.find_first_not_of('!'), text.size());
    auto domain = Domain::parse(text.substr(marks), Utf8::Allowed);
    if (!domain) {
      return Error::permanent("masquerade_domains: \"" + printable(text, 100) +
                              "\" is not a domain; write one like example.com");
    }
    masquerade.domains_.push_back({domain->key(), marks % 2 == 0});
  }
  masquerade.classes_ = config.masquerade_classes;
  masquerade.has_exceptions_ = !config.masquerade_exceptions.empty();
  TRY(masquerade.exceptions_, DomainList::open(config.masquerade_exceptions, false, options));
  return masquerade;
}

Result<MailAddress> Masquerade::applied(AddressClass what, MailAddress address) const {
  if (domains_.empty() || !address.domain() || address.domain()->is_literal()) return address;
  if (!holds(classes_, name_of(what))) return address;
  if (has_exceptions_) {
    TRY(bool is_excepted, exceptions_.contains(unicode_lower(address.local())));
    if (is_excepted) return address;
  }
  std::string domain = address.domain()->key();
  for (const auto& item : domains_) {
    if (domain == item.domain) return address;
    if (!domain.ends_with("." + item.domain)) continue;
    if (!item.is_replaced) return address;
    TRY(auto parent, Domain::parse(item.domain));
    return address.with_domain(std::move(parent));
  }
  return address;
}

}  // namespace pennypost::smtp
