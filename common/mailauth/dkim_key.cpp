#include "common/mailauth/dkim_key.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mailauth/tag_list.h"

namespace pennypost {
namespace {

bool lists(const TagList& tags, std::string_view name, std::string_view word) {
  auto value = tags.value(name);
  return value &&
         std::ranges::any_of(colon_list(*value), [&](auto one) { return equal_nocase(one, word); });
}

Result<PublicKey> public_key(const TagList& tags) {
  auto text = tags.value("p");
  if (!text) return Error::permanent("a key record without a p= tag");
  // RFC 6376 section 3.6.1: an empty p= revokes the key.
  if (text->empty()) return Error::permanent("the key is revoked");
  auto bytes = tag_base64(*text);
  if (!bytes) return Error::permanent("a key record with a malformed p= tag");
  auto kind = tags.value("k").value_or("rsa");
  if (equal_nocase(kind, "rsa")) return PublicKey::rsa(*bytes);
  if (equal_nocase(kind, "ed25519")) return PublicKey::ed25519(*bytes);
  return Error::permanent("a key of the unknown kind " + printable(kind, 40));
}

}  // namespace

Result<std::optional<DkimKey>> DkimKey::parse(std::string_view text) {
  if (text.size() > key_record_bytes_max) {
    return Error::permanent("a key record of more than " + std::to_string(key_record_bytes_max) +
                            " octets");
  }
  auto tags = TagList::parse(text);
  if (!tags) {
    if (!starts_with_nocase(trim(text), "v=DKIM1")) return std::optional<DkimKey>();
    return Error::permanent("a malformed key record: " + tags.error().text());
  }
  // RFC 6376 section 3.6.1: v= is optional, and must come first; other records have another one.
  const auto& first = tags->tags().front();
  if (tags->find("v") != nullptr && (first.name != "v" || first.value != "DKIM1")) {
    return std::optional<DkimKey>();
  }
  if (first.name != "v" && tags->find("p") == nullptr) return std::optional<DkimKey>();
  if (tags->find("h") != nullptr && !lists(*tags, "h", "sha256")) {
    return Error::permanent("a key that is not for SHA-256");
  }
  if (tags->find("s") != nullptr && !lists(*tags, "s", "*") && !lists(*tags, "s", "email")) {
    return Error::permanent("a key that is not for mail");
  }
  TRY(auto key, public_key(*tags));
  DkimKey found{std::move(key)};
  found.is_testing = lists(*tags, "t", "y");
  found.same_domain = lists(*tags, "t", "s");
  return std::optional(std::move(found));
}

Task<Result<DkimKey>> find_dkim_key(Resolver& resolver, std::string name) {
  auto answer = co_await resolver.txt(std::move(name));
  if (answer.status == DnsStatus::TryLater) {
    co_return Error::temporary("4.4.3", "no answer from DNS: " + answer.reason);
  }
  if (!answer.is_found()) co_return Error::permanent("no key in DNS");
  std::optional<DkimKey> found;
  std::size_t count = std::min(answer.values.size(), key_records_max);
  for (std::size_t i = 0; i < count; ++i) {
    auto parsed = DkimKey::parse(answer.values[i]);
    if (!parsed) co_return parsed.error();
    if (!*parsed) continue;
    // RFC 6376 section 3.6.2.2: a name must have one key, else the result is undefined.
    if (found) co_return Error::permanent("several keys in DNS at one name");
    found = **std::move(parsed);
  }
  if (!found) co_return Error::permanent("no DKIM key among the TXT records");
  found->is_authentic = answer.is_authentic;
  co_return *std::move(found);
}

}  // namespace pennypost
