#include "common/mailauth/dkim_signer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/mailauth/testing.h"

using namespace pennypost;

namespace {

constexpr std::string_view header =
    "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: caf\xe9\r\n"
    "List-Unsubscribe: <https://example.com/u>\r\nX-Mailer: m\r\n\r\n";

}  // namespace

TEST_CASE("what is signed passes, with RSA and Ed25519, and its lines are short") {
  for (const auto& key : {SigningKey::make_rsa(2048), SigningKey::make_ed25519()}) {
    DkimIdentity identity{"example.com", "s1", key.kind()};
    TableResolver dns;
    dns.txt_record("s1._domainkey.example.com", dkim_key_record(key));
    for (std::string_view body : {"", "Hello,  you \r\n\r\n", "no line end"}) {
      auto message = dkim_signed(identity, key, std::string(header).append(body));
      auto results = dkim_results(dns, message);
      REQUIRE(results.size() == 1);
      CHECK(results[0].status == DkimStatus::Pass);
      for (auto line : split(message.substr(0, message.find("From:")), '\n')) {
        CHECK(line.size() <= 78);
      }
    }
  }
}

TEST_CASE("a second From, To or Subject breaks a signature, a list's fields do not") {
  auto key = SigningKey::make_ed25519();
  DkimIdentity identity{"example.com", "s1", KeyKind::Ed25519};
  TableResolver dns;
  dns.txt_record("s1._domainkey.example.com", dkim_key_record(key));
  auto message = dkim_signed(identity, key, std::string(header) + "x\r\n");
  for (std::string_view name :
       {"From", "To", "Subject", "Cc", "Reply-To", "Content-Type", "Date"}) {
    CAPTURE(name);
    auto changed = std::string(name) + ": x\r\n" + message;
    CHECK(dkim_results(dns, changed)[0].status == DkimStatus::Fail);
  }
  for (std::string_view name : {"Sender", "List-Id", "X-Mailer", "Received"}) {
    CAPTURE(name);
    auto changed = std::string(name) + ": x\r\n" + message;
    CHECK(dkim_results(dns, changed)[0].status == DkimStatus::Pass);
  }
  auto stripped = message;
  auto at = stripped.find("List-Unsubscribe:");
  stripped.erase(at, stripped.find('\n', at) + 1 - at);
  CHECK(dkim_results(dns, stripped)[0].status == DkimStatus::Fail);
}

TEST_CASE("the fields that a TLS report's receiver goes by are signed") {
  std::string report(header.substr(0, header.size() - 2));
  report += "TLS-Report-Domain: example.org\r\nTLS-Report-Submitter: example.com\r\n\r\n";
  auto names = names_to_sign(SignedHeader(report));
  for (const std::string name : {"tls-report-domain", "tls-report-submitter"}) {
    CHECK(std::ranges::count(names, name) == 1);
  }
}

TEST_CASE("a message is not signed if it does not have exactly one From") {
  DkimIdentity identity{"example.com", "s1", KeyKind::Ed25519};
  auto error = [&](std::string_view text) {
    auto signer = DkimSigner::make(identity, text, std::string(32, 'x'), test_now);
    return signer ? "" : signer.error().text();
  };
  CHECK(error("From: a@example.com\r\n") == "");
  CHECK(error("To: a@example.com\r\n") == "0 From fields instead of one");
  CHECK(error("From: a@example.com\r\nfrom: b@example.com\r\n") == "2 From fields instead of one");
  std::string many = "From: a@example.com\r\n";
  for (int i = 0; i < 1000; ++i) many += "To: x\r\n";
  CHECK(error(many) == "more than 1000 fields to sign");
}
