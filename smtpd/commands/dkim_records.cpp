#include "smtpd/commands/dkim_records.h"

#include <map>

#include "common/base/file.h"
#include "common/crypto/random.h"
#include "common/mailauth/dkim_key.h"
#include "common/mailauth/dkim_signer.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t character_string_max = 255;  // of a TXT record

}  // namespace

std::string dkim_zone_line(const std::string& domain, const KeptKey& key) {
  std::string line = key.selector + "._domainkey." + domain + ". IN TXT (";
  auto record = dkim_key_record(key.key);
  for (std::size_t at = 0; at < record.size(); at += character_string_max) {
    line += " \"" + record.substr(at, character_string_max) + "\"";
  }
  return line + " )\n";
}

std::string_view dkim_in_dns(Loop& loop, Resolver& resolver, const std::string& domain,
                             const KeptKey& key) {
  auto found = loop.run_until(find_dkim_key(resolver, key.selector + "._domainkey." + domain));
  if (!found) return found.error().is_temporary() ? "unknown" : "missing";
  auto digest = sha256(domain);
  return found->key.verifies(digest, key.key.sign(digest)) ? "published" : "differs";
}

}  // namespace pennypost::smtp
