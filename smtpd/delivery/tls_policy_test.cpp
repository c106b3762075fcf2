#include "smtpd/delivery/tls_policy.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

Result<TlsPolicy> parse(std::string_view text, const std::string& default_level = "may") {
  auto config = config_for_test(
      {"smtp_tls_security_level=" + default_level, "smtp_dns_support_level=dnssec"});
  return parse_tls_policy(text, *config);
}

using Names = std::vector<std::string>;

Names names(std::string_view text) {
  auto policy = parse(text);
  REQUIRE(policy);
  return policy->names("mx.example", "example.org");
}

}  // namespace

TEST_CASE("a TLS policy has its own level, or that of smtp_tls_security_level") {
  CHECK(parse("")->level == TlsLevel::May);
  CHECK(parse("", "encrypt")->level == TlsLevel::Encrypt);
  CHECK(parse("", "dane")->level == TlsLevel::Dane);
  CHECK(parse("none", "encrypt")->level == TlsLevel::None);
  CHECK(parse("ENCRYPT ciphers=high")->level == TlsLevel::Encrypt);
  CHECK(parse("dane-only")->level == TlsLevel::DaneOnly);
  CHECK(parse("secure")->level == TlsLevel::Secure);
}

TEST_CASE("a certificate must have a name of the policy's level, or of its match attributes") {
  CHECK(names("may").empty());
  CHECK(names("verify") == Names{"mx.example"});
  CHECK(names("secure") == Names{"example.org", ".example.org"});
  CHECK(names("secure, match=hostname") == Names{"mx.example"});
  CHECK(names("verify match=mail.example.net:.example.net") ==
        Names{"mail.example.net", ".example.net"});
  CHECK(names("secure match=nexthop match=other.example") == Names{"example.org", "other.example"});
  auto policy = parse("secure");
  CHECK(policy->names("mail.example.com", "") == Names{"mail.example.com", ".mail.example.com"});
}

TEST_CASE("a TLS policy's attributes are those of Postfix") {
  auto policy = parse(
      "fingerprint match=AB:CD|EF:01 protocols=>=TLSv1.3 ciphers=export exclude=aNULL:DES "
      "servername=sni.example connection_reuse=yes");
  REQUIRE(policy);
  CHECK(policy->matches == Names{"AB:CD", "EF:01"});
  CHECK(policy->versions == *TlsVersions::parse(">=TLSv1.3"));
  CHECK(policy->cipher_grade == "medium");
  CHECK(policy->excluded == Names{"aNULL", "DES"});
  CHECK(policy->server_name == "sni.example");
  CHECK(parse("encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1")->versions == TlsVersions());
  CHECK(parse("verify tafile=/etc/anchors.pem"));
}

TEST_CASE("a TLS policy that can't be obeyed is an error, not less protection") {
  for (const char* text :
       {"any", "fingerprint", "may match=x.example", "encrypt tafile=/x",
        "secure match=", "secure match=:", "encrypt ciphers=null", "encrypt protocols=TLSv2",
        "encrypt match", "none ciphers=high", "encrypt colour=red", "may connection_reuse=maybe"}) {
    CAPTURE(text);
    auto policy = parse(text);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().is_temporary());
    CHECK(policy.error().status() == EnhancedStatus("4.7.5"));
  }
}
