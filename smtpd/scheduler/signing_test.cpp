#include "smtpd/scheduler/signing.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/mailauth/testing.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string letter = "From: Ann <ann@example.org>\nTo: bob@there.test\nSubject: x\n\ntext\n";

/// `lookup` with an RSA and an Ed25519 key of example.org, and DNS that shows them.
struct Signer {
  Signer() {
    dns.txt_record("r._domainkey.example.org", dkim_key_record(rsa));
    dns.txt_record("e._domainkey.example.org", dkim_key_record(ed25519));
    lookup.services.on<FindSigningKeys>(
        [this](FindSigningKeys ask, std::vector<Descriptor>) { return find(std::move(ask)); });
    lookup.services.on<SignDigests>(
        [this](SignDigests ask, std::vector<Descriptor>) { return sign(std::move(ask)); });
  }
  Task<Result<FindSigningKeys::Keys>> find(FindSigningKeys ask) {
    ++questions;
    if (is_down) co_return Error::temporary("the directory is away");
    FindSigningKeys::Keys keys;
    if (ask.author_domain == "example.org") {
      keys.domain = "example.org";
      keys.keys = {{"r", true}, {"e", false}};
    }
    co_return std::move(keys);
  }
  Task<Result<SignDigests::Signatures>> sign(SignDigests ask) {
    SignDigests::Signatures made;
    if (loses_signatures) co_return std::move(made);
    for (const auto& one : ask.digests) {
      made.signatures.push_back((one.selector == "r" ? rsa : ed25519).sign(one.digest));
    }
    co_return std::move(made);
  }
  /// The fields, or the error.
  std::string fields(const std::string& top, const std::string& received, bool is_file = false) {
    Attempt request;
    request.envelope.id = QueueId("QID");
    request.envelope.body_bytes = received.size();
    request.envelope.body_is_file = is_file;
    request.envelope.pieces.resize(2);
    request.envelope.pieces[0].text = top;
    request.envelope.pieces[1].length = received.size();
    Descriptor file;
    if (is_file) {
      file = Descriptor(::open(scratch.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
      REQUIRE(::write(file.number(), received.data(), received.size()) ==
              static_cast<ssize_t>(received.size()));
    } else {
      request.body = received;
    }
    auto made = loop.run_until(signature_fields(loop, lookup.port, request, file, test_now));
    return made ? *made : made.error().text_with_status();
  }
  /// What a verifier says of the message with these fields, as it goes over the wire.
  std::string verified(const std::string& message) {
    std::string text;
    for (char c : message) text += c == '\n' ? "\r\n" : std::string(1, c);
    std::string results;
    for (const auto& one : dkim_results(dns, text)) {
      results += std::string(name_of(one.status)) + " " + one.selector + ";";
    }
    return results;
  }

  Loop loop;
  Scratch scratch;
  LogCapture log;
  Peer lookup{loop, "lookup"};
  TableResolver dns;
  SigningKey rsa = SigningKey::make_rsa(1024);
  SigningKey ed25519 = SigningKey::make_ed25519();
  bool is_down = false;
  bool loses_signatures = false;
  int questions = 0;
};

Envelope envelope_of(const std::string& client, const std::string& login = "") {
  Envelope envelope;
  envelope.client_address = client;
  envelope.sasl_username = login;
  return envelope;
}

}  // namespace

TEST_CASE("a message is signed with each key of its author's domain as it goes out") {
  Signer signer;
  const std::string top = "Received: by mail.example.com\n";
  auto fields = signer.fields(top, letter);
  CHECK(signer.verified(fields + top + letter) == "pass r;pass e;");
  auto other = letter;
  other.replace(other.find("text"), 4, "next");
  CHECK(signer.verified(fields + top + other) == "fail r;fail e;");
  std::string large = letter;
  for (int i = 0; i < 30'000; ++i) large += "line " + std::to_string(i) + "\n";
  CHECK(signer.verified(signer.fields(top, large, true) + top + large) == "pass r;pass e;");
  const std::string bare = "From: ann@example.org\n";
  CHECK(signer.verified(signer.fields(top, bare) + top + bare) == "pass r;pass e;");
}

TEST_CASE("mail of a domain without keys, or without an author, is not signed") {
  Signer signer;
  CHECK(signer.fields("", "From: ann@example.net\n\ntext\n") == "");
  CHECK(signer.questions == 1);
  CHECK(signer.fields("", "Subject: x\n\ntext\n") == "");
  CHECK(signer.fields("", "From: ann@example.org, eve@example.net\n\ntext\n") == "");
  CHECK(signer.questions == 1);
}

TEST_CASE("mail waits while the keys can't be looked up") {
  Signer signer;
  signer.is_down = true;
  CHECK(signer.fields("", letter) == "4.3.0 the DKIM keys can't be looked up now");
  signer.is_down = false;
  signer.loses_signatures = true;
  CHECK(signer.fields("", letter) == "4.3.0 the DKIM keys can't be looked up now");
}

TEST_CASE("signed is what this host makes, and what users and mynetworks hand in") {
  SigningRule rule(config_for_test({"dkim_signing=yes", "mynetworks=192.0.2.0/24"}));
  CHECK(rule.applies(envelope_of("192.0.2.9"), Transport::Smtp));
  CHECK(rule.applies(envelope_of("198.51.100.1", "ann"), Transport::Smtp));
  CHECK_FALSE(rule.applies(envelope_of("198.51.100.1"), Transport::Smtp));
  CHECK_FALSE(rule.applies(envelope_of("192.0.2.9"), Transport::Lmtp));
  CHECK_FALSE(rule.applies(envelope_of("192.0.2.9"), Transport::Local));
  auto own = envelope_of("");
  own.is_local = true;
  CHECK(rule.applies(own, Transport::Smtp));
  own.filter = "smtp:[127.0.0.1]:10025";
  CHECK_FALSE(rule.applies(own, Transport::Smtp));
  SigningRule none(config_for_test({"dkim_signing=no"}));
  CHECK_FALSE(none.applies(envelope_of("192.0.2.7", "ann"), Transport::Smtp));
}

TEST_CASE("what goes out unchanged is signed once for all its destinations") {
  World world({"dkim_signing=yes", "mynetworks=192.0.2.0/24"});
  int questions = 0;
  world.lookup.services.on<FindSigningKeys>(
      [&](FindSigningKeys, std::vector<Descriptor>) -> Task<Result<FindSigningKeys::Keys>> {
        ++questions;
        co_return FindSigningKeys::Keys();
      });
  Envelope envelope;
  envelope.id = make_queue_id(world.clock);
  envelope.arrival = world.clock.now().count();
  envelope.sender = "ann@x.test";
  envelope.is_local = true;
  envelope.body_bytes = letter.size();
  envelope.pieces.resize(1);
  envelope.pieces[0].length = letter.size();
  for (const char* address : {"a@one.test", "b@two.test", "c@three.test"}) {
    Recipient recipient;
    recipient.number = static_cast<std::uint32_t>(envelope.recipients.size());
    recipient.address = recipient.original = address;
    envelope.recipients.push_back(recipient);
  }
  world.on_resolve = [](const Resolve& ask) {
    Resolution resolution;
    resolution.route.transport = Transport::Smtp;
    resolution.route.next_hop = ask.recipient.address.substr(2);
    return resolution;
  };
  REQUIRE(world.loop.run_until(world.scheduler->submit(std::move(envelope), letter, {})));
  world.settle();
  CHECK(world.attempts.size() == 3);
  CHECK(questions >= 1);
  CHECK(questions <= 3);
}
