#include "common/mail/completion.h"

#include <string>

#include "common/base/text.h"

namespace pennypost {
namespace {

bool lacks_parent(const Domain& domain) {
  return !domain.is_literal() && domain.text().find('.') == std::string::npos &&
         !equal_nocase(domain.text(), "localhost");
}

}  // namespace

Result<MailAddress> Completion::complete(MailAddress address) const {
  if (address.is_null()) return address;
  if (!address.domain()) return myorigin ? address.with_domain(*myorigin) : address;
  if (!mydomain || !lacks_parent(*address.domain())) return address;
  TRY(auto full, Domain::parse(address.domain()->text() + "." + mydomain->text(), Utf8::Allowed));
  return address.with_domain(full.as_ascii());
}

Result<MailAddress> Completion::complete(const ListedAddress& listed) const {
  TRY(auto address, listed.address());
  bool is_absolute = listed.host && listed.host->ends_with('.');
  if (is_absolute) return address;
  return complete(std::move(address));
}

bool is_complete(const MailAddress& address) {
  return address.is_null() || (address.domain() && !lacks_parent(*address.domain()));
}

}  // namespace pennypost
