#include "common/tls/testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/assert.h"

namespace pennypost {
namespace {

constexpr long lives_seconds = 3600;

X509* certificate_of(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  ASSERT(certificate != nullptr);
  return certificate;
}

EVP_PKEY* key_of(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  ASSERT(key != nullptr);
  return key;
}

}  // namespace

TestCertificate::TestCertificate(const std::string& name) { make(name, nullptr); }
TestCertificate::TestCertificate(const std::string& name, const TestCertificate& issuer) {
  make(name, &issuer);
}

/// Null: it signs itself, as an authority does.
void TestCertificate::make(const std::string& of, const TestCertificate* issuer) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), lives_seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(of.c_str()), -1, -1, 0);
  if (issuer == nullptr) {
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* authority =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(certificate, authority, -1);
    X509_EXTENSION_free(authority);
    X509_sign(certificate, key, EVP_sha256());
  } else {
    X509* signer = certificate_of(issuer->path_);
    EVP_PKEY* signing_key = key_of(issuer->path_);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    X509_sign(certificate, signing_key, EVP_sha256());
    EVP_PKEY_free(signing_key);
    X509_free(signer);
  }
  int descriptor = ::mkstemp(path_.data());
  ASSERT(descriptor >= 0);
  std::FILE* file = ::fdopen(descriptor, "w");
  PEM_write_X509(file, certificate);
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TestCertificate::~TestCertificate() { ::unlink(path_.c_str()); }

std::string TestCertificate::der() const {
  X509* certificate = certificate_of(path_);
  unsigned char* bytes = nullptr;
  int size = i2d_X509(certificate, &bytes);
  X509_free(certificate);
  ASSERT(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string TestCertificate::fingerprint() const {
  std::string bytes = der();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    char octet[4];
    std::snprintf(octet, sizeof octet, ":%02X", digest[i]);
    text += octet;
  }
  return text.substr(1);
}

std::string TestCertificate::chain() const {
  std::ifstream stream(path_);
  std::ostringstream text;
  text << stream.rdbuf();
  std::string all = text.str();
  auto key = all.find("-----BEGIN PRIVATE KEY");
  ASSERT(key != std::string::npos);
  return all.substr(key) + all.substr(0, key);
}

std::shared_ptr<TlsContext> TestCertificate::server() const {
  TlsContext::ServerSettings settings;
  settings.certificate.certificate_file = path_;
  auto context = TlsContext::server(settings);
  ASSERT(context);
  return *context;
}

}  // namespace pennypost
