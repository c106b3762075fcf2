#include "common/mailauth/dkim_key.h"

#include <doctest/doctest.h>

#include "common/async/loop.h"
#include "common/base/text.h"
#include "common/dns/testing.h"
#include "common/mailauth/dkim_signer.h"

using namespace pennypost;

namespace {

std::string rsa_data() {
  static const std::string data = base64_encode(SigningKey::make_rsa(1024).public_bytes());
  return data;
}

std::string error_of(std::string_view record) {
  auto key = DkimKey::parse(record);
  if (key) return *key ? "" : "no key record";
  return key.error().text();
}

}  // namespace

TEST_CASE("a key record is read with its flags") {
  auto key = DkimKey::parse("v=DKIM1; t=y:s; s=email; h=sha1:sha256; n=note; p=" + rsa_data());
  REQUIRE(key);
  REQUIRE(*key);
  CHECK((*key)->is_testing);
  CHECK((*key)->same_domain);
  CHECK((*key)->key.bits() == 1024);
  auto plain = DkimKey::parse("p=" + rsa_data());
  REQUIRE(plain);
  REQUIRE(*plain);
  CHECK(!(*plain)->is_testing);
  CHECK(!(*plain)->same_domain);
  auto made = SigningKey::make_ed25519();
  auto ed25519 = DkimKey::parse(dkim_key_record(made));
  REQUIRE(ed25519);
  CHECK((*ed25519)->key.kind() == KeyKind::Ed25519);
}

TEST_CASE("a key record that can't be used says why, and other records are no key records") {
  CHECK(error_of("v=DKIM1; p=" + rsa_data()) == "");
  CHECK(error_of("v=spf1 -all") == "no key record");
  CHECK(error_of("some words") == "no key record");
  CHECK(error_of("") == "no key record");
  CHECK(error_of("v=DMARC1; p=none") == "no key record");
  CHECK(error_of("p=" + rsa_data() + "; v=DKIM1") == "no key record");
  CHECK(error_of("k=rsa") == "no key record");
  CHECK(error_of("v=DKIM1") == "a key record without a p= tag");
  CHECK(error_of("v=DKIM1; p=") == "the key is revoked");
  CHECK(error_of("v=DKIM1; p=!") == "a key record with a malformed p= tag");
  CHECK(error_of("v=DKIM1; k=dsa; p=" + rsa_data()) == "a key of the unknown kind dsa");
  CHECK(error_of("v=DKIM1; k=ed25519; p=AAAA") == "an Ed25519 key of 3 bytes instead of 32");
  CHECK(error_of("v=DKIM1; h=sha1; p=" + rsa_data()) == "a key that is not for SHA-256");
  CHECK(error_of("v=DKIM1; s=other; p=" + rsa_data()) == "a key that is not for mail");
  CHECK(error_of("v=DKIM1; p=AAAA; p=AAAA") == "a malformed key record: the tag p twice");
  CHECK(error_of("v=DKIM1; p=" + std::string(9000, 'A')) ==
        "a key record of more than 8192 octets");
}

TEST_CASE("a key is found among other TXT records, but only if it is the only one") {
  Loop loop;
  TableResolver dns;
  dns.txt_record("one", "v=spf1 -all").txt_record("one", "v=DKIM1; p=" + rsa_data());
  dns.txt_record("two", "p=" + rsa_data()).txt_record("two", "p=" + rsa_data());
  dns.txt_record("other", "words").try_later("later", DnsType::Txt);
  auto find = [&](const char* name) { return loop.run_until(find_dkim_key(dns, name)); };
  CHECK(find("one"));
  CHECK(find("two").error().text() == "several keys in DNS at one name");
  CHECK(find("other").error().text() == "no DKIM key among the TXT records");
  CHECK(find("nowhere").error().text() == "no key in DNS");
  CHECK(!find("nowhere").error().is_temporary());
  CHECK(find("later").error().is_temporary());
}
