// Signs SHA-256 digests and verifies such signatures, with RSA (PKCS #1 v1.5) and Ed25519 keys.
//
// An Ed25519 signature is over the digest's 32 bytes as its message, as RFC 8463 section 3 says.
// Keys come from strangers: their bytes, bits and exponent are limited before anything is computed.
//
// LIMITS     public_key_bytes_max, rsa_bits_min (RFC 8301 section 3.2), rsa_bits_max,
//            rsa_exponent_bits_max
// STANDARDS  RFC 8017 (RSA, RSAPublicKey), RFC 8032 (Ed25519), RFC 5280 section 4.1.2.7
//            (SubjectPublicKeyInfo)
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr int rsa_bits_min = 1024;
inline constexpr int rsa_bits_max = 4096;
inline constexpr int rsa_exponent_bits_max = 64;
inline constexpr std::size_t public_key_bytes_max = 1024;  // a key of rsa_bits_max has 550

enum class KeyKind { Rsa, Ed25519 };

class PublicKey {
 public:
  /// From DER: a SubjectPublicKeyInfo, or the RSAPublicKey within it, since both are in use. Error
  /// 550 says what is wrong with the key: not RSA, too few or too many bits.
  static Result<PublicKey> rsa(std::string_view der);
  /// From the 32 bytes of RFC 8032. Error 550.
  static Result<PublicKey> ed25519(std::string_view bytes);

  KeyKind kind() const;
  /// 256 for Ed25519.
  int bits() const;
  bool verifies(std::string_view digest, std::string_view signature) const;

 private:
  struct Key;
  explicit PublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

class SigningKey {
 public:
  /// From PEM: a PRIVATE KEY of PKCS #8, or an RSA PRIVATE KEY; not encrypted. Error 550.
  static Result<SigningKey> parse(const Secret& pem);
  /// A new key; `bits` from rsa_bits_min to rsa_bits_max.
  static SigningKey make_rsa(int bits);
  static SigningKey make_ed25519();

  KeyKind kind() const;
  int bits() const;
  /// The signature of a digest of 32 bytes.
  std::string sign(std::string_view digest) const;
  /// What PublicKey takes: a SubjectPublicKeyInfo, or the 32 bytes of Ed25519.
  std::string public_bytes() const;
  /// PKCS #8 in PEM.
  Secret pem() const;

 private:
  struct Key;
  explicit SigningKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

}  // namespace pennypost
