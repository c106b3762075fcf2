// A key and a self-signed certificate for a name in one PEM file, removed when it goes: for
// unit tests.
#pragma once

#include <memory>
#include <string>

#include "common/tls/context.h"

namespace pennypost {

class TestCertificate {
 public:
  explicit TestCertificate(const std::string& name = "localhost");
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate();

  const std::string& path() const { return path_; }
  /// The key, and the certificate behind it.
  std::string chain() const;
  /// A server context with the certificate.
  std::shared_ptr<TlsContext> server() const;

 private:
  std::string path_ = "/tmp/pennypost-tls-test-XXXXXX";
};

}  // namespace pennypost
