#include "smtpd/scheduler/sealing.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mailauth/testing.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string letter = "From: Ann <ann@example.org>\nTo: bob@there.test\nSubject: x\n\ntext\n";
const std::string verdict =
    "Authentication-Results: mail.example.com;\n spf=pass smtp.mailfrom=ann@example.org; arc=";

/// `lookup` with an RSA key of example.com, and DNS that shows it.
struct Sealer {
  explicit Sealer(std::vector<std::string> settings = {})
      : config(config_for_test(std::move(settings))) {
    dns.txt_record("r._domainkey.example.com", dkim_key_record(rsa));
    lookup.services.on<FindSigningKeys>(
        [this](FindSigningKeys ask, std::vector<Descriptor>) { return find(std::move(ask)); });
    lookup.services.on<SignDigests>(
        [this](SignDigests ask, std::vector<Descriptor>) { return sign(std::move(ask)); });
  }
  Task<Result<FindSigningKeys::Keys>> find(FindSigningKeys ask) {
    asked = ask.author_domain;
    if (is_down) co_return Error::temporary("the directory is away");
    FindSigningKeys::Keys keys;
    keys.domain = "example.com";
    keys.keys = {{"e", false}, {"r", true}};
    if (has_ed25519_alone) keys.keys.pop_back();
    co_return std::move(keys);
  }
  Task<Result<SignDigests::Signatures>> sign(SignDigests ask) {
    SignDigests::Signatures made;
    CHECK(ask.digests.at(0).selector == "r");
    if (!loses_signatures) made.signatures.push_back(rsa.sign(ask.digests.at(0).digest));
    co_return std::move(made);
  }
  /// The fields for a message, or the error.
  std::string fields(const std::string& message) {
    Attempt request;
    request.envelope.id = QueueId("QID");
    request.envelope.pieces.resize(1);
    request.envelope.pieces[0].length = message.size();
    request.body = message;
    const Descriptor none;
    auto made = loop.run_until(seal_fields(loop, lookup.port, *config, request, none, test_now));
    return made ? *made : made.error().text_with_status();
  }
  /// What a verifier says of the chain, as the message goes over the wire.
  ArcResult verified(const std::string& message) {
    std::string text;
    for (char c : message) text += c == '\n' ? "\r\n" : std::string(1, c);
    return arc_result(dns, text);
  }

  std::shared_ptr<const Config> config;
  Loop loop;
  LogCapture log;
  Peer lookup{loop, "lookup"};
  TableResolver dns;
  SigningKey rsa = SigningKey::make_rsa(1024);
  std::string asked;
  bool is_down = false;
  bool has_ed25519_alone = false;
  bool loses_signatures = false;
};

Envelope envelope_of(const std::string& client, const std::string& login = "") {
  Envelope envelope;
  envelope.client_address = client;
  envelope.sasl_username = login;
  return envelope;
}

}  // namespace

TEST_CASE("a stranger's mail is sealed with our verdict on it") {
  Sealer sealer;
  auto message = "Delivered-To: list@example.com\n" + verdict + "none\n" + letter;
  auto sealed = sealer.fields(message) + message;
  CHECK(sealer.asked == "mail.example.com");
  auto result = sealer.verified(sealed);
  REQUIRE(result.status == ArcStatus::Pass);
  REQUIRE(result.hops.size() == 1);
  CHECK(result.hops[0].domain == "example.com");
  CHECK(result.hops[0].results.find("spf=pass smtp.mailfrom=ann@example.org") != std::string::npos);
  CHECK(HeaderFields(sealed).value("ARC-Seal")->find("cv=none") != std::string::npos);
}

TEST_CASE(
    "a chain that was valid when the mail came is extended, one that was not is marked once") {
  Sealer sealer;
  auto first = verdict + "none\n" + letter;
  first = sealer.fields(first) + first;
  auto second = verdict + "pass header.d=example.com\n" + first;
  auto result = sealer.verified(sealer.fields(second) + second);
  CHECK(result.status == ArcStatus::Pass);
  CHECK(result.hops.size() == 2);
  auto broken = verdict + "fail\n" + first;
  auto fields = sealer.fields(broken);
  CHECK(HeaderFields(fields).value("ARC-Seal")->find("cv=fail") != std::string::npos);
  auto again = verdict + "fail\n" + fields + broken;
  CHECK(sealer.fields(again) == "");
}

TEST_CASE("a chain about which nothing certain was found out is not sealed") {
  Sealer sealer;
  auto first = verdict + "none\n" + letter;
  first = sealer.fields(first) + first;
  CHECK(sealer.fields(verdict + "temperror\n" + first) == "");
  const std::string unlooked = "Authentication-Results: mail.example.com; spf=pass\n";
  CHECK(sealer.fields(unlooked + first) == "");
  CHECK(sealer.fields(unlooked + letter) != "");
}

TEST_CASE("mail without our verdict is not sealed") {
  Sealer sealer;
  CHECK(sealer.fields(letter) == "");
  CHECK(sealer.fields("Authentication-Results: other.example; spf=pass; arc=none\n" + letter) ==
        "");
  CHECK(sealer.asked == "");
}

TEST_CASE("mail leaves unsealed where no key can be used, and the log says why") {
  Sealer sealer({"arc_sealing_domain=Example.com"});
  const auto message = verdict + "none\n" + letter;
  sealer.has_ed25519_alone = true;
  CHECK(sealer.fields(message) == "");
  CHECK(sealer.asked == "example.com");
  CHECK(sealer.log.lines().empty());
  sealer.has_ed25519_alone = false;
  sealer.loses_signatures = true;
  CHECK(sealer.fields(message) == "");
  CHECK(sealer.log.lines().back().find("QID: not sealed: the key can't be used now") !=
        std::string::npos);
  sealer.is_down = true;
  CHECK(sealer.fields(message) == "");
  CHECK(sealer.log.lines().back().find("QID: not sealed: the directory is away") !=
        std::string::npos);
}

TEST_CASE("sealed is what strangers send, where their mail is checked") {
  SigningRule rule(
      config_for_test({"arc_sealing=yes", "mailauth_checks=spf, arc", "mynetworks=192.0.2.0/24"}));
  CHECK(rule.seals(envelope_of("198.51.100.1"), Transport::Smtp));
  CHECK_FALSE(rule.seals(envelope_of("198.51.100.1"), Transport::Lmtp));
  CHECK_FALSE(rule.seals(envelope_of("198.51.100.1", "ann"), Transport::Smtp));
  CHECK_FALSE(rule.seals(envelope_of("192.0.2.9"), Transport::Smtp));
  auto filtered = envelope_of("198.51.100.1");
  filtered.filter = "smtp:[127.0.0.1]:10025";
  CHECK_FALSE(rule.seals(filtered, Transport::Smtp));
  auto local = envelope_of("");
  local.is_local = true;
  CHECK_FALSE(rule.seals(local, Transport::Smtp));
  SigningRule unchecked(config_for_test({"arc_sealing=yes", "mailauth_checks="}));
  CHECK_FALSE(unchecked.seals(envelope_of("198.51.100.1"), Transport::Smtp));
  SigningRule off(config_for_test({"arc_sealing=no", "mailauth_checks=spf, arc"}));
  CHECK_FALSE(off.seals(envelope_of("198.51.100.1"), Transport::Smtp));
}
