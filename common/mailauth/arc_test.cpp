#include "common/mailauth/arc.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mailauth/testing.h"

using namespace pennypost;

namespace {

constexpr std::string_view plain =
    "From: Ann <ann@example.com>\r\nTo: list@example.org\r\nSubject: s\r\n\r\nHello.\r\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

/// Hops that seal with keys of their own: one Ed25519, one RSA, in turn.
struct Chain {
  SigningKey keys[2]{SigningKey::make_ed25519(), SigningKey::make_rsa(1024)};
  TableResolver dns;
  std::string message{plain};

  Chain() {
    for (int i : {0, 1})
      dns.txt_record(identity(i).selector + "._domainkey.example.org", record(i));
  }
  static DkimIdentity identity(int i) {
    return {"example.org", i == 0 ? "ed" : "rsa", i == 0 ? KeyKind::Ed25519 : KeyKind::Rsa};
  }
  std::string record(int i) const { return dkim_key_record(keys[i]); }
  /// Adds a hop, which verifies what it gets.
  Chain& hop(int i) {
    auto sealed = arc_sealed(identity(i), keys[i], message, arc_result(dns, message).status,
                             "hop" + std::to_string(i) + ".example; none");
    REQUIRE(sealed);
    message = *std::move(sealed);
    return *this;
  }
};

}  // namespace

TEST_CASE("a chain of several hops passes and names who sealed it with what results") {
  Chain chain;
  CHECK(arc_result(chain.dns, chain.message).status == ArcStatus::None);
  auto result = arc_result(chain.dns, chain.hop(0).hop(1).hop(0).message);
  CHECK(result.status == ArcStatus::Pass);
  CHECK(result.reason == "");
  REQUIRE(result.hops.size() == 3);
  CHECK(result.hops[1].domain == "example.org");
  CHECK(result.hops[1].selector == "rsa");
  CHECK(result.hops[1].results == "hop1.example; none");
}

TEST_CASE("a change after the last hop fails, and a hop that changed what it got does not") {
  Chain chain;
  chain.hop(0);
  // A list adds a footer and seals.
  chain.message = replaced(chain.message, "Hello.\r\n", "Hello.\r\n-- \r\nThe list\r\n");
  CHECK(arc_result(chain.dns, chain.message).reason == "the body has changed");
  auto passed = arc_sealed(Chain::identity(1), chain.keys[1], chain.message, ArcStatus::Pass);
  REQUIRE(passed);
  CHECK(arc_result(chain.dns, *passed).status == ArcStatus::Pass);
  CHECK(arc_result(chain.dns, replaced(*passed, "Subject: s", "Subject: t")).status ==
        ArcStatus::Fail);
}

TEST_CASE("every set is covered by the seals after it") {
  Chain chain;
  chain.hop(0).hop(1).hop(0);
  auto reason = [&](std::string_view from, std::string_view to) {
    auto result = arc_result(chain.dns, replaced(chain.message, from, to));
    CHECK(result.status == ArcStatus::Fail);
    CHECK(result.hops.empty());
    return result.reason;
  };
  CHECK(reason("i=1; hop0.example; none", "i=1; hop0.example; spf=pass") ==
        "the signature of ARC set 1 by example.org does not fit");
  CHECK(reason("i=2; hop1.example; none", "i=2; hop1.example; spf=pass") ==
        "the signature of ARC set 2 by example.org does not fit");
  CHECK(reason("cv=pass", "cv=none") == "ARC set 3 has a wrong cv=");
  CHECK(reason("cv=none", "cv=pass") == "ARC set 1 has a wrong cv=");
  CHECK(reason("cv=pass", "cv=fail") == "an ARC seal says that the chain had failed before");
}

TEST_CASE("fields that are no chain fail with their mistake") {
  Chain chain;
  chain.hop(0).hop(1);
  auto reason = [&](std::string_view from, std::string_view to) {
    auto result = arc_result(chain.dns, replaced(chain.message, from, to));
    CHECK(result.status == ArcStatus::Fail);
    return result.reason;
  };
  CHECK(reason("ARC-Authentication-Results: i=1", "X: i=1") == "ARC set 1 is not whole");
  CHECK(reason("ARC-Authentication-Results: i=1", "ARC-Authentication-Results: i=2") ==
        "ARC-Authentication-Results: is there twice");
  CHECK(reason("ARC-Authentication-Results: i=1", "ARC-Authentication-Results: x; i=1") ==
        "ARC-Authentication-Results: does not begin with i=");
  CHECK(reason("ARC-Authentication-Results: i=1", "ARC-Authentication-Results: i=51") ==
        "ARC-Authentication-Results: has an instance that is not 1 to 50");
  CHECK(reason("ARC-Seal: i=2;", "ARC-Seal: i=0;") == "ARC-Seal: malformed i= tag");
  CHECK(reason("ARC-Seal: i=2;", "ARC-Seal: i=2; h=from;") == "ARC-Seal: an h= tag in a seal");
  CHECK(reason("ARC-Message-Signature: i=2;", "ARC-Message-Signature: i=2; v=1;") ==
        "ARC-Message-Signature: a v= tag, which ARC does not have");
  CHECK(reason("h=from:", "h=arc-seal:from:") ==
        "ARC-Message-Signature: ARC-Seal is among the signed fields");
  CHECK(reason("bh=", "l=3; bh=") == "only a part of the body is signed (l=)");
  // The newest set alone.
  auto first = chain.message.find("ARC-Seal: i=1");
  auto from = chain.message.find("From:");
  auto gap = chain.message.substr(0, first) + chain.message.substr(from);
  CHECK(arc_result(chain.dns, gap).reason == "ARC set 1 is missing");
}

TEST_CASE("a failure of DNS is a temporary error, a missing key is not") {
  Chain chain;
  chain.hop(0).hop(1);
  TableResolver none;
  CHECK(arc_result(none, chain.message).status == ArcStatus::Fail);
  none.txt_record("rsa._domainkey.example.org", chain.record(1));
  none.try_later("ed._domainkey.example.org", DnsType::Txt);
  CHECK(arc_result(none, chain.message).status == ArcStatus::TempError);
}

TEST_CASE("each key of a chain is asked for once") {
  class Counting final : public Resolver {
   public:
    explicit Counting(Resolver& inner) : inner_(inner) {}
    Task<DnsReply> query(std::string name, DnsType type) override {
      ++count;
      co_return co_await inner_.query(std::move(name), type);
    }
    std::vector<IpAddress> hosts_addresses(const std::string&) const override { return {}; }
    std::string hosts_name(const IpAddress&) const override { return {}; }
    int count = 0;

   private:
    Resolver& inner_;
  };
  Chain chain;
  for (int i = 0; i < 10; ++i) chain.hop(0);
  Counting dns(chain.dns);
  Loop loop;
  auto header = header_bytes(chain.message);
  ArcVerifier verifier(chain.message.substr(0, header), test_now);
  verifier.feed(std::string_view(chain.message).substr(header));
  auto result = loop.run_until(verifier.result(loop, dns, std::chrono::seconds(5)));
  CHECK(result.status == ArcStatus::Pass);
  CHECK(dns.count == 1);
}
