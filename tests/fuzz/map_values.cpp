// What stands on the right side of tables, and tables that stand in a setting themselves; no crash,
// and what is read means the same when written again.
//
// The first byte chooses the kind of value. A table's text is one line, the keys follow it.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/crypto/password.h"
#include "common/mail/unique_id.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/policy/access.h"
#include "smtpd/routing/next_hop.h"
#include "store/accounts/accounts.h"
#include "store/accounts/authenticator.h"
#include "store/maps/address_lookup.h"
#include "store/maps/map.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

void own_user(std::string_view value) {
  auto fields = OwnUserFields::parse(value);
  if (!fields) return;
  ASSERT(fields->home.empty() || fields->home.starts_with('/'));
  (void)is_allowed_from(fields->allow_nets, "192.0.2.1");
  auto again = OwnUserFields::parse(fields->text());
  ASSERT(again && again->text() == fields->text());
}

void credentials(std::string_view value) {
  auto stored = StoredCredentials::parse(value);
  if (!stored) return;
  auto again = StoredCredentials::parse(stored->text());
  ASSERT(again && again->password == stored->password && again->scram == stored->scram);
  ASSERT(again->apps.size() == stored->apps.size());
  for (const auto& app : stored->apps) ASSERT(AppPassword::parse(app.text())->text() == app.text());
  if (!stored->scram.empty()) ASSERT(ScramKeys::parse(stored->scram)->text() == stored->scram);
  // Hashes may cost as much as their text says.
  if (!starts_with_nocase(stored->password, "{PLAIN}")) return;
  auto plain = stored->password.substr(7);
  auto fits = verify_password(Secret(plain), stored->password);
  ASSERT(fits && *fits == (!plain.empty() && plain.size() <= password_bytes_max));
}

void quota(std::string_view value) {
  auto rules = QuotaRules::parse(value);
  if (!rules) return;
  auto again = QuotaRules::parse(rules->text());
  ASSERT(again && again->text() == rules->text());
  auto limits = rules->limits();
  for (std::string_view mailbox : {"INBOX", "Trash", "a/b"}) {
    (void)rules->limits_in(mailbox, limits);
    (void)rules->limits_in(mailbox, {UINT64_MAX, UINT64_MAX});
    ASSERT(!rules->ignores(mailbox) || rules->limits_in(mailbox, limits) == QuotaLimits{});
  }
}

void access(std::string_view value) {
  auto action = smtp::parse_access_action(value);
  ASSERT(action.code == 0 || (action.code >= 400 && action.code < 600));
  for (const auto& key : smtp::network_keys(value)) ASSERT(!key.text.empty());
  for (auto parents : {Parents::Plain, Parents::Dotted}) {
    for (const auto& key : access_keys_of_host(value, parents)) {
      ASSERT(key.text.size() <= value.size());
    }
  }
}

void next_hop(std::string_view value) {
  auto transport = smtp::TransportName::parse(value);
  for (auto text : {value, std::string_view(transport.next_hop)}) {
    auto hop = smtp::NextHop::parse(text);
    if (!hop) continue;
    auto again = smtp::NextHop::parse(hop->text());
    ASSERT(again && again->host == hop->host && again->port == hop->port);
  }
  (void)smtp::Login::parse(value);
}

void unique_id(std::string_view format) {
  auto parsed = UniqueIdFormat::parse(format);
  if (!parsed) return;
  // A format that repeats the file's name makes ids too long for a long name, and then none.
  auto id = parsed->id({7, 1'700'000'000, "1700000000.M1P2.host", "0af1"});
  ASSERT(id || parsed->uses_files());
  if (id) ASSERT(is_unique_id(*id));
}

/// Only tables that open no file.
void table(std::string_view text) {
  auto lines = split(text, '\n');
  auto name = lower(lines.front());
  for (const char* file : {"hash", "cidr", "regexp", "pcre", "ldap", "/"}) {
    if (name.find(file) != name.npos) return;
  }
  auto reference = TableRef::parse(lines.front());
  if (!reference || reference->empty()) return;
  auto again = TableRef::parse(reference->text());
  ASSERT(again && *again == *reference);
  auto maps = MapList::open({*reference}, MapOptions());
  if (!maps) return;
  for (auto key : lines) {
    ASSERT(maps->lookup(key, MapList::Key::Whole));
    auto at = std::min(key.find('@'), key.size());
    auto domain = key.substr(std::min(at + 1, key.size()));
    ASSERT(lookup_address(*maps, key.substr(0, at), domain, "+-", true));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'u':
      own_user(value);
      break;
    case 'c':
      credentials(value);
      break;
    case 'q':
      quota(value);
      break;
    case 'a':
      access(value);
      break;
    case 'h':
      next_hop(value);
      break;
    case 'i':
      unique_id(value);
      break;
    default:
      table(value);
  }
  return 0;
}
