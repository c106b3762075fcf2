#include "common/mail/public_suffix.h"

#include <libpsl.h>

#include <string>

#include "common/base/text.h"

namespace pennypost {

bool is_public_suffix(std::string_view domain) {
  return psl_is_public_suffix(psl_builtin(), lower(domain).c_str()) != 0;
}

std::string organizational_domain(std::string_view domain) {
  auto name = lower(domain);
  const char* registrable = psl_registrable_domain(psl_builtin(), name.c_str());
  return registrable == nullptr ? name : registrable;
}

bool is_within_domain(std::string_view name, std::string_view domain) {
  if (equal_nocase(name, domain)) return true;
  return name.size() > domain.size() && ends_with_nocase(name, domain) &&
         name[name.size() - domain.size() - 1] == '.';
}

}  // namespace pennypost
