#include "common/mailauth/arc_sealer.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mailauth/testing.h"

using namespace pennypost;

namespace {

const DkimIdentity identity{"example.org", "s1", KeyKind::Ed25519};

std::string plain_message() { return "From: a@example.com\r\nSubject: s\r\n\r\nHello.\r\n"; }

}  // namespace

TEST_CASE("a set has three fields in short lines, the seal on top") {
  auto key = SigningKey::make_ed25519();
  auto message = plain_message();
  auto sealed = *arc_sealed(identity, key, message, ArcStatus::None,
                            "mx.example.org;\r\n spf=pass smtp.mailfrom=a@example.com");
  std::vector<std::string> names;
  for (const auto& field : HeaderFields(sealed)) names.emplace_back(field.name);
  CHECK(names == std::vector<std::string>{"ARC-Seal", "ARC-Message-Signature",
                                          "ARC-Authentication-Results", "From", "Subject"});
  CHECK(HeaderFields(sealed).find("ARC-Seal")->value().find("cv=none") != std::string::npos);
  for (auto line : split(sealed, '\n')) CHECK(line.size() <= 78);
}

TEST_CASE("a chain that has failed is sealed as failed, once") {
  auto key = SigningKey::make_ed25519();
  TableResolver dns;
  dns.txt_record("s1._domainkey.example.org", dkim_key_record(key));
  auto first = *arc_sealed(identity, key, plain_message(), ArcStatus::None);
  auto failed = arc_sealed(identity, key, first, ArcStatus::Fail);
  REQUIRE(failed);
  auto seal = HeaderFields(*failed).find("ARC-Seal")->value();
  CHECK(seal.find("i=2;") != seal.npos);
  CHECK(seal.find("cv=fail") != seal.npos);
  CHECK(arc_result(dns, *failed).status == ArcStatus::Fail);
  CHECK(arc_sealed(identity, key, *failed, ArcStatus::Fail).error().text() ==
        "the ARC chain has failed before");
}

TEST_CASE("fields that are no chain are sealed as failed behind their highest number") {
  auto key = SigningKey::make_ed25519();
  auto broken = "ARC-Authentication-Results: i=7; x\r\n" + plain_message();
  auto sealed = arc_sealed(identity, key, broken, ArcStatus::Pass);
  REQUIRE(sealed);
  auto seal = HeaderFields(*sealed).find("ARC-Seal")->value();
  CHECK(seal.find("i=8;") != seal.npos);
  CHECK(seal.find("cv=fail") != seal.npos);
  auto no_number = "ARC-Seal: x\r\n" + plain_message();
  CHECK(arc_sealed(identity, key, no_number, ArcStatus::Fail).error().text() ==
        "the ARC fields have no number");
}

TEST_CASE("a chain that could not be verified, or is as long as allowed, is not extended") {
  auto key = SigningKey::make_ed25519();
  auto later = arc_sealed(identity, key, plain_message(), ArcStatus::TempError);
  REQUIRE(!later);
  CHECK(later.error().is_temporary());
  TableResolver dns;
  dns.txt_record("s1._domainkey.example.org", dkim_key_record(key));
  auto message = plain_message();
  for (std::uint32_t i = 0; i < arc_sets_max; ++i) {
    message = *arc_sealed(identity, key, message, i == 0 ? ArcStatus::None : ArcStatus::Pass);
  }
  CHECK(arc_result(dns, message).status == ArcStatus::Pass);
  CHECK(arc_sealed(identity, key, message, ArcStatus::Pass).error().text() ==
        "the ARC chain has 50 sets already");
}
