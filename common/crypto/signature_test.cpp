#include "common/crypto/signature.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/crypto/random.h"

using namespace pennypost;

namespace {

Result<PublicKey> public_key_of(const SigningKey& key) {
  return key.kind() == KeyKind::Rsa ? PublicKey::rsa(key.public_bytes())
                                    : PublicKey::ed25519(key.public_bytes());
}

/// A SubjectPublicKeyInfo whose exponent or modulus is not what OpenSSL would make: an RSAPublicKey
/// by hand.
std::string rsa_public_key(std::string_view modulus, std::string_view exponent) {
  auto number = [](std::string_view bytes) {
    std::string out = "\x02";
    if (bytes.size() < 0x80) {
      out += static_cast<char>(bytes.size());
    } else {
      out += '\x82';
      out += static_cast<char>(bytes.size() >> 8);
      out += static_cast<char>(bytes.size() & 0xff);
    }
    return out.append(bytes);
  };
  std::string inner = number(modulus) + number(exponent);
  std::string out = "\x30\x82";
  out += static_cast<char>(inner.size() >> 8);
  out += static_cast<char>(inner.size() & 0xff);
  return out + inner;
}

}  // namespace

TEST_CASE("SHA-256 does not depend on how its bytes are cut into pieces") {
  Sha256 whole;
  Sha256 pieces;
  whole.add("abc");
  for (char c : std::string_view("abc")) pieces.add(std::string_view(&c, 1));
  auto digest = whole.finish();
  CHECK(hex_encode(digest) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(pieces.finish() == digest);
  Sha256 first;
  first.add("ab");
  Sha256 copy = first;
  first.add("x");
  copy.add("c");
  CHECK(copy.finish() == digest);
}

TEST_CASE("what a key signed is verified by its public key, and nothing else is") {
  auto digest = sha256("a message");
  for (const auto& key : {SigningKey::make_rsa(1024), SigningKey::make_ed25519()}) {
    auto signature = key.sign(digest);
    auto verifier = public_key_of(key);
    REQUIRE(verifier);
    CHECK(verifier->kind() == key.kind());
    CHECK(verifier->bits() == key.bits());
    CHECK(verifier->verifies(digest, signature));
    CHECK(!verifier->verifies(sha256("another"), signature));
    CHECK(!verifier->verifies(digest, signature.substr(1)));
    CHECK(!verifier->verifies(digest, ""));
    CHECK(!verifier->verifies("short", signature));
    signature[7] = static_cast<char>(signature[7] ^ 1);
    CHECK(!verifier->verifies(digest, signature));
  }
}

TEST_CASE("a key survives being written and read") {
  for (const auto& key : {SigningKey::make_rsa(1024), SigningKey::make_ed25519()}) {
    auto read = SigningKey::parse(key.pem());
    REQUIRE(read);
    CHECK(read->public_bytes() == key.public_bytes());
    CHECK(read->bits() == key.bits());
  }
  CHECK(!SigningKey::parse(Secret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")));
  CHECK(!SigningKey::parse(Secret("")));
}

TEST_CASE("public keys that are too weak, too large or not keys at all are refused in words") {
  std::string three = "\x03";
  auto bits = [](std::size_t count) {
    return std::string(1, '\0') + "\xff" + std::string(count / 8 - 2, '\x77') + "\x0f";
  };
  REQUIRE(PublicKey::rsa(rsa_public_key(bits(1024), three)));
  CHECK(PublicKey::rsa(rsa_public_key(bits(1024), three))->bits() == 1024);
  CHECK(PublicKey::rsa(rsa_public_key(bits(4096), three)));
  CHECK(PublicKey::rsa(rsa_public_key(bits(1016), three)).error().text() ==
        "an RSA key of 1016 bits; accepted are 1024 to 4096");
  CHECK(PublicKey::rsa(rsa_public_key(bits(4104), three)).error().text() ==
        "an RSA key of 4104 bits; accepted are 1024 to 4096");
  CHECK(PublicKey::rsa(rsa_public_key(bits(16384), three)).error().text() ==
        "a key of 2060 bytes; accepted are 1024");
  CHECK(PublicKey::rsa(rsa_public_key(bits(1024), "\x02")).error().text() ==
        "an RSA key with a bad exponent");
  CHECK(!PublicKey::rsa(rsa_public_key(bits(1024), "\x01")));
  CHECK(!PublicKey::rsa(rsa_public_key(bits(1024), std::string(9, '\x0f'))));
  CHECK(!PublicKey::rsa(rsa_public_key(bits(1024), three) + "x"));
  CHECK(!PublicKey::rsa(""));
  CHECK(!PublicKey::rsa("no key"));
  CHECK(!PublicKey::ed25519(std::string(31, 'x')));
}
