#include "common/crypto/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/base/assert.h"
#include "common/base/owned.h"

namespace pennypost {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t ed25519_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;

using PkeyPointer = Owned<EVP_PKEY, EVP_PKEY_free>;
using ContextPointer = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestPointer = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using NumberPointer = Owned<BIGNUM, BN_free>;
using BioPointer = Owned<BIO, BIO_free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Nothing if bytes are left behind the key.
PkeyPointer rsa_from_der(std::string_view der) {
  auto size = static_cast<long>(der.size());
  const unsigned char* at = bytes_of(der);
  PkeyPointer key(d2i_PUBKEY(nullptr, &at, size));
  if (!key) {
    at = bytes_of(der);
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
  }
  ERR_clear_error();
  if (key && at != bytes_of(der) + size) key.reset();
  return key;
}

/// Error: the key would be no protection, or costs too much.
Result<void> check_rsa(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return Error::permanent("the key is not RSA");
  int bits = EVP_PKEY_get_bits(key);
  if (bits < rsa_bits_min || bits > rsa_bits_max) {
    return Error::permanent("an RSA key of " + std::to_string(bits) + " bits; accepted are " +
                            std::to_string(rsa_bits_min) + " to " + std::to_string(rsa_bits_max));
  }
  BIGNUM* read = nullptr;
  bool is_read = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &read) == 1;
  NumberPointer exponent(read);
  if (!is_read || BN_num_bits(exponent.get()) > rsa_exponent_bits_max || BN_num_bits(read) < 2 ||
      BN_is_odd(exponent.get()) == 0) {
    return Error::permanent("an RSA key with a bad exponent");
  }
  return {};
}

KeyKind kind_of(const EVP_PKEY* key) {
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? KeyKind::Ed25519 : KeyKind::Rsa;
}

bool choose_padding(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;
}

bool rsa_verifies(EVP_PKEY* key, std::string_view digest, std::string_view signature) {
  ContextPointer context(EVP_PKEY_CTX_new(key, nullptr));
  return context && EVP_PKEY_verify_init(context.get()) == 1 && choose_padding(context.get()) &&
         EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest),
                         digest.size()) == 1;
}

bool ed25519_verifies(EVP_PKEY* key, std::string_view digest, std::string_view signature) {
  DigestPointer context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest),
                          digest.size()) == 1;
}

/// An encrypted key is refused instead of asking a terminal.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

struct PublicKey::Key {
  PkeyPointer pkey;
};
struct SigningKey::Key {
  PkeyPointer pkey;
};

Result<PublicKey> PublicKey::rsa(std::string_view der) {
  if (der.size() > public_key_bytes_max) {
    return Error::permanent("a key of " + std::to_string(der.size()) + " bytes; accepted are " +
                            std::to_string(public_key_bytes_max));
  }
  auto pkey = rsa_from_der(der);
  if (!pkey) return Error::permanent("the key is neither SubjectPublicKeyInfo nor RSAPublicKey");
  TRY_DO(check_rsa(pkey.get()));
  return PublicKey(std::make_shared<const Key>(Key{std::move(pkey)}));
}

Result<PublicKey> PublicKey::ed25519(std::string_view bytes) {
  if (bytes.size() != ed25519_bytes) {
    return Error::permanent("an Ed25519 key of " + std::to_string(bytes.size()) +
                            " bytes instead of 32");
  }
  PkeyPointer pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()));
  ERR_clear_error();
  if (!pkey) return Error::permanent("a bad Ed25519 key");
  return PublicKey(std::make_shared<const Key>(Key{std::move(pkey)}));
}

KeyKind PublicKey::kind() const { return kind_of(key_->pkey.get()); }

int PublicKey::bits() const {
  return kind() == KeyKind::Ed25519 ? 256 : EVP_PKEY_get_bits(key_->pkey.get());
}

bool PublicKey::verifies(std::string_view digest, std::string_view signature) const {
  if (digest.size() != digest_bytes) return false;
  bool verifies = kind() == KeyKind::Ed25519 ? ed25519_verifies(key_->pkey.get(), digest, signature)
                                             : rsa_verifies(key_->pkey.get(), digest, signature);
  ERR_clear_error();
  return verifies;
}

Result<SigningKey> SigningKey::parse(const Secret& pem) {
  auto text = pem.reveal();
  BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  ASSERT(bio);
  PkeyPointer pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!pkey) return Error::permanent("not a private key in PEM without a password");
  if (kind_of(pkey.get()) == KeyKind::Rsa) {
    TRY_DO(check_rsa(pkey.get()));
  }
  return SigningKey(std::make_shared<const Key>(Key{std::move(pkey)}));
}

SigningKey SigningKey::make_rsa(int bits) {
  ASSERT(bits >= rsa_bits_min && bits <= rsa_bits_max);
  PkeyPointer pkey(EVP_RSA_gen(static_cast<unsigned int>(bits)));
  ASSERT(pkey);
  return SigningKey(std::make_shared<const Key>(Key{std::move(pkey)}));
}

SigningKey SigningKey::make_ed25519() {
  PkeyPointer pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  ASSERT(pkey);
  return SigningKey(std::make_shared<const Key>(Key{std::move(pkey)}));
}

KeyKind SigningKey::kind() const { return kind_of(key_->pkey.get()); }

int SigningKey::bits() const {
  return kind() == KeyKind::Ed25519 ? 256 : EVP_PKEY_get_bits(key_->pkey.get());
}

std::string SigningKey::sign(std::string_view digest) const {
  ASSERT(digest.size() == digest_bytes);
  EVP_PKEY* pkey = key_->pkey.get();
  if (kind() == KeyKind::Ed25519) {
    std::string out(ed25519_signature_bytes, '\0');
    std::size_t size = out.size();
    DigestPointer context(EVP_MD_CTX_new());
    ASSERT(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey) == 1);
    ASSERT(EVP_DigestSign(context.get(), bytes_of(out), &size, bytes_of(digest), digest.size()) ==
           1);
    return out;
  }
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(pkey)), '\0');
  std::size_t size = out.size();
  ContextPointer context(EVP_PKEY_CTX_new(pkey, nullptr));
  ASSERT(context && EVP_PKEY_sign_init(context.get()) == 1 && choose_padding(context.get()));
  ASSERT(EVP_PKEY_sign(context.get(), bytes_of(out), &size, bytes_of(digest), digest.size()) == 1);
  out.resize(size);
  return out;
}

std::string SigningKey::public_bytes() const {
  EVP_PKEY* pkey = key_->pkey.get();
  if (kind() == KeyKind::Ed25519) {
    std::string out(ed25519_bytes, '\0');
    std::size_t size = out.size();
    ASSERT(EVP_PKEY_get_raw_public_key(pkey, bytes_of(out), &size) == 1);
    return out;
  }
  int size = i2d_PUBKEY(pkey, nullptr);
  ASSERT(size > 0);
  std::string out(static_cast<std::size_t>(size), '\0');
  unsigned char* at = bytes_of(out);
  ASSERT(i2d_PUBKEY(pkey, &at) == size);
  return out;
}

Secret SigningKey::pem() const {
  BioPointer bio(BIO_new(BIO_s_secmem()));
  ASSERT(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->pkey.get(), nullptr, nullptr, 0,
                                              nullptr, nullptr) == 1);
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<std::size_t>(size)));
}

}  // namespace pennypost
