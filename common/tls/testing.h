// Makes a PEM file with a key and a self-signed certificate for `localhost`, for unit tests;
// removed when destroyed.
#pragma once

#include <memory>
#include <string>

#include "common/tls/context.h"

namespace pennypost {

class TestCertificate {
 public:
  TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate();

  const std::string& path() const { return path_; }
  /// A server context with the certificate.
  std::shared_ptr<TlsContext> server() const;

 private:
  std::string path_ = "/tmp/pennypost-tls-test-XXXXXX";
};

}  // namespace pennypost
