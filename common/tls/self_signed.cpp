#include "common/tls/self_signed.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "common/base/owned.h"
#include "common/tls/errors.h"

namespace pennypost {
namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t common_name_bytes_max = 64;  // RFC 5280 appendix A.1, ub-common-name
constexpr long day_seconds = 86'400;
constexpr long clock_slack_seconds = 3'600;  // for clients whose clocks are slow

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Memory = Owned<BIO, BIO_free_all>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;

Error refused() { return Error::temporary("can't make a certificate: " + openssl_error()); }

std::string text_of(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  std::uint64_t number = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1 | 1) == 1;
}

bool set_name(X509* certificate, const std::string& name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  if (name.size() <= common_name_bytes_max &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                 0) != 1) {
    return false;
  }
  return X509_set_issuer_name(certificate, subject) == 1;
}

}  // namespace

Result<SelfSigned> make_self_signed(const std::vector<std::string>& names) {
  std::string alternatives;
  for (const auto& name : names) {
    if (name.empty() || name.size() > name_bytes_max || name.find(',') != name.npos) {
      return Error::permanent("\"" + name + "\" is no host name for a certificate");
    }
    alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  }
  if (names.empty()) return Error::permanent("a certificate needs a host name");
  Key key(EVP_EC_gen("P-256"));
  Certificate certificate(X509_new());
  if (!key || !certificate) return refused();
  X509* made = certificate.get();
  const bool is_filled =
      X509_set_version(made, 2) == 1 && set_random_serial(made) &&
      X509_gmtime_adj(X509_getm_notBefore(made), -clock_slack_seconds) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(made), self_signed_days * day_seconds) != nullptr &&
      X509_set_pubkey(made, key.get()) == 1 && set_name(made, names.front()) &&
      add_extension(made, NID_subject_alt_name, alternatives) &&
      add_extension(made, NID_basic_constraints, "critical,CA:FALSE") &&
      X509_sign(made, key.get(), EVP_sha256()) > 0;
  if (!is_filled) return refused();
  Memory certificate_text(BIO_new(BIO_s_mem()));
  Memory key_text(BIO_new(BIO_s_secmem()));
  if (!certificate_text || !key_text || PEM_write_bio_X509(certificate_text.get(), made) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return refused();
  }
  return SelfSigned{text_of(certificate_text.get()), Secret(text_of(key_text.get()))};
}

}  // namespace pennypost
