// A key and a certificate for a name in one PEM file, removed when it goes: for unit tests.
#pragma once

#include <memory>
#include <string>

#include "common/tls/context.h"

namespace pennypost {

class TestCertificate {
 public:
  explicit TestCertificate(const std::string& name = "localhost");
  /// Signed by the other one, which is an authority.
  TestCertificate(const std::string& name, const TestCertificate& issuer);
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate();

  const std::string& path() const { return path_; }
  /// The certificate's DER, and its SHA-256 fingerprint: `0A:1B:…`.
  std::string der() const;
  std::string fingerprint() const;
  /// The key, and the certificate behind it.
  std::string chain() const;
  /// A server context with the certificate.
  std::shared_ptr<TlsContext> server() const;

 private:
  void make(const std::string& of, const TestCertificate* issuer);
  std::string path_ = "/tmp/pennypost-tls-test-XXXXXX";
};

}  // namespace pennypost
