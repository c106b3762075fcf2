#include "common/log/tls_log.h"

#include <doctest/doctest.h>

#include "common/log/sink.h"

using namespace pennypost;

TEST_CASE("the lines of TLS with a next hop are Postfix's") {
  LogCapture log;
  LogTls tls;
  tls.trust = "Verified";
  tls.target = "mx.example.net[192.0.2.7]:25";
  tls.protocol = "TLSv1.3";
  tls.cipher = "TLS_AES_256_GCM_SHA384";
  tls.bits = 256;
  const std::string line =
      "smtp: Verified TLS connection established to mx.example.net[192.0.2.7]:25: TLSv1.3 with "
      "cipher TLS_AES_256_GCM_SHA384 (256/256 bits)";
  log_tls_to("smtp", tls);
  CHECK(log.last() == line);
  tls.details = "key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256";
  log_tls_to("smtp", tls);
  CHECK(log.last() == line + " " + tls.details);
  log_certificate_problem("smtp", tls.target, "self-signed certificate");
  CHECK(log.last() ==
        "smtp: certificate verification failed for mx.example.net[192.0.2.7]:25: self-signed "
        "certificate");
}
