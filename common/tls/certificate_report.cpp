#include "common/tls/certificate_report.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <vector>

#include "common/base/file.h"
#include "common/base/owned.h"
#include "common/tls/errors.h"

namespace pennypost {
namespace {

constexpr std::uint64_t certificate_bytes_max = 1 << 20;
constexpr int chain_length_max = 20;
constexpr std::int64_t day_seconds = 86'400;
// RFC 6698 section 7.2 and 7.3.
constexpr std::uint8_t selects_whole = 0;
constexpr std::uint8_t selects_key = 1;
constexpr std::uint8_t matches_exactly = 0;
constexpr std::uint8_t matches_sha256 = 1;
constexpr std::uint8_t matches_sha512 = 2;

using Certificate = Owned<X509, X509_free>;
using Memory = Owned<BIO, BIO_free_all>;
using Store = Owned<X509_STORE, X509_STORE_free>;
using Verification = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
void free_names(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }
using Names = Owned<GENERAL_NAMES, free_names>;
using Stack = Owned<STACK_OF(X509), free_stack>;

std::vector<Certificate> read_chain(const std::string& pem) {
  std::vector<Certificate> chain;
  Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (memory && static_cast<int>(chain.size()) < chain_length_max) {
    Certificate one(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    chain.push_back(std::move(one));
  }
  return chain;
}

std::string names_of(X509* certificate) {
  std::string text;
  Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const ASN1_STRING* value = name->d.dNSName;
    text += text.empty() ? "" : " ";
    text.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                static_cast<std::size_t>(ASN1_STRING_length(value)));
  }
  return text;
}

std::string chain_problem(const std::vector<Certificate>& chain) {
  Store store(X509_STORE_new());
  Verification verification(X509_STORE_CTX_new());
  Stack rest(sk_X509_new_null());
  if (!store || !verification || !rest || X509_STORE_set_default_paths(store.get()) != 1) {
    return openssl_error();
  }
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest.get(), chain[i].get());
  if (X509_STORE_CTX_init(verification.get(), store.get(), chain.front().get(), rest.get()) != 1) {
    return openssl_error();
  }
  if (X509_verify_cert(verification.get()) == 1) return "";
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification.get()));
}

/// What an i2d function writes.
template <class Write>
std::string der(Write write) {
  unsigned char* bytes = nullptr;
  const int size = write(&bytes);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

std::string digest(const EVP_MD* kind, const std::string& bytes) {
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), made, &size, kind, nullptr) != 1) return "";
  return {reinterpret_cast<const char*>(made), size};
}

}  // namespace

std::string CertificateReport::tlsa(std::uint8_t selector, std::uint8_t matching) const {
  if (selector != selects_whole && selector != selects_key) return "";
  const std::string& selected = selector == selects_whole ? whole : public_key;
  if (matching == matches_exactly) return selected;
  if (matching == matches_sha256) return digest(EVP_sha256(), selected);
  return matching == matches_sha512 ? digest(EVP_sha512(), selected) : "";
}

Result<CertificateReport> report_certificate(const std::string& file, const std::string& host) {
  TRY(auto pem, read_file(file, certificate_bytes_max));
  auto chain = pem ? read_chain(*pem) : std::vector<Certificate>();
  if (chain.empty())
    return Error::permanent(file + (pem ? ": no certificate in PEM" : ": no such file"));
  X509* first = chain.front().get();
  CertificateReport report;
  report.names = names_of(first);
  report.names_host = X509_check_host(first, host.c_str(), host.size(), 0, nullptr) == 1;
  report.is_self_signed = X509_self_signed(first, 0) == 1;
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(first));
  report.seconds_left = days * day_seconds + seconds;
  report.chain_problem = chain_problem(chain);
  report.whole = der([&](unsigned char** into) { return i2d_X509(first, into); });
  report.public_key =
      der([&](unsigned char** into) { return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(first), into); });
  return report;
}

}  // namespace pennypost
