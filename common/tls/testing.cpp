#include "common/tls/testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/assert.h"

namespace pennypost {
namespace {

constexpr long lives_seconds = 3600;

}  // namespace

TestCertificate::TestCertificate(const std::string& of) {
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
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
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
