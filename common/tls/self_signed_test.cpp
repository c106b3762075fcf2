#include "common/tls/self_signed.h"

#include "common/base/owned.h"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

using namespace pennypost;

namespace {

using Certificate = Owned<X509, X509_free>;
using Memory = Owned<BIO, BIO_free>;

Certificate parsed(const std::string& pem) {
  Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
}

}  // namespace

TEST_CASE("a self-signed certificate names its hosts, fits its key and lasts") {
  auto made = make_self_signed({"mail.example.org", "example.org"});
  REQUIRE(made);
  auto certificate = parsed(made->certificate);
  REQUIRE(certificate);
  CHECK(X509_check_host(certificate.get(), "mail.example.org", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(certificate.get(), "example.org", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(certificate.get(), "www.example.org", 0, 0, nullptr) == 0);
  CHECK(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())) == 1);
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get()));
  CHECK(days >= self_signed_days - 1);
  std::string key(made->key.reveal());
  Memory memory(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  EVP_PKEY* read = PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr);
  REQUIRE(read != nullptr);
  CHECK(X509_check_private_key(certificate.get(), read) == 1);
  EVP_PKEY_free(read);
}

TEST_CASE("two certificates share neither key nor serial number") {
  auto one = make_self_signed({"a.example"});
  auto two = make_self_signed({"a.example"});
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->key.reveal() != two->key.reveal());
  auto first = parsed(one->certificate);
  auto second = parsed(two->certificate);
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(first.get()),
                         X509_get0_serialNumber(second.get())) != 0);
}

TEST_CASE(
    "a certificate is refused for what is no host name; a long name is an alternative alone") {
  CHECK_FALSE(make_self_signed({}));
  CHECK_FALSE(make_self_signed({""}));
  CHECK_FALSE(make_self_signed({"a,IP:1.2.3.4"}));
  CHECK_FALSE(make_self_signed({std::string(256, 'a')}));
  const std::string label(60, 'a');
  auto made = make_self_signed({label + "." + label + ".example"});
  REQUIRE(made);
  CHECK(X509_check_host(parsed(made->certificate).get(), (label + "." + label + ".example").c_str(),
                        0, 0, nullptr) == 1);
}
