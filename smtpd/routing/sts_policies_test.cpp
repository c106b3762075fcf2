#include "smtpd/routing/sts_policies.h"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <mutex>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/dns/testing.h"
#include "common/log/sink.h"
#include "smtpd/routing/sts_question.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr const char* text = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";

/// A web server that answers the same until it is told otherwise.
struct Web {
  Result<HttpsReply> answer(const HttpsFetch& what) {
    std::lock_guard lock(mutex);
    asked.push_back(what);
    if (is_down) return Error::temporary(why);
    return reply;
  }
  std::mutex mutex;
  std::vector<HttpsFetch> asked;
  bool is_down = false;
  std::string why = "Connection refused";
  HttpsReply reply{200, "text/plain", text};
};

struct Fixture {
  Fixture() { begin(); }
  /// Anew, as after a restart.
  void begin() {
    policies.emplace(loop, directory.path().string(), clock,
                     [this](const HttpsFetch& what) { return web.answer(what); });
    policies->load(*config);
  }
  void announce(const std::string& id) {
    *dns = TableResolver();
    dns->txt_record("_mta-sts.example.org", "v=STSv1; id=" + id + ";");
    dns->address("mta-sts.example.org", "192.0.2.80");
  }
  StsPolicy find() { return loop.run_until(policies->find("example.org", dns, config)); }
  StsMode mode() { return find().mode; }
  /// Until what goes on in the background has led to this mode.
  void wait_for(StsMode wanted) {
    for (int turn = 0; turn < 2000 && mode() != wanted; ++turn) loop.run_until(pause());
  }
  Task<> pause() { co_await loop.sleep(Duration(2)); }

  Loop loop;
  Scratch directory;
  ManualClock clock;
  Web web;
  std::shared_ptr<TableResolver> dns = std::make_shared<TableResolver>();
  std::shared_ptr<const Config> config = config_for_test({"smtp_tls_mta_sts=yes"});
  std::optional<StsPolicies> policies;
};

}  // namespace

TEST_CASE("a policy that DNS announces is fetched from its host, once") {
  Fixture fixture;
  fixture.announce("a");
  CHECK(fixture.mode() == StsMode::Enforce);
  CHECK(fixture.mode() == StsMode::Enforce);
  REQUIRE(fixture.web.asked.size() == 1);
  CHECK(fixture.web.asked[0].host == "mta-sts.example.org");
  CHECK(fixture.web.asked[0].path == "/.well-known/mta-sts.txt");
  CHECK(fixture.web.asked[0].addresses == std::vector<IpAddress>{*IpAddress::parse("192.0.2.80")});
  CHECK(fixture.web.asked[0].bytes_max == 64 * 1024);
}

TEST_CASE("a domain that announces no policy has none, and no web server is asked") {
  Fixture fixture;
  CHECK(fixture.mode() == StsMode::None);
  fixture.dns->try_later("_mta-sts.example.org", DnsType::Txt);
  CHECK(fixture.mode() == StsMode::None);
  fixture.announce("no id!");
  CHECK(fixture.mode() == StsMode::None);
  CHECK(fixture.web.asked.empty());
}

TEST_CASE(
    "a kept policy outlives a restart, an outage of DNS and a withdrawn record, until it expires") {
  Fixture fixture;
  fixture.announce("a");
  CHECK(fixture.mode() == StsMode::Enforce);
  fixture.begin();
  fixture.web.is_down = true;
  CHECK(fixture.mode() == StsMode::Enforce);
  fixture.dns->try_later("_mta-sts.example.org", DnsType::Txt);
  CHECK(fixture.mode() == StsMode::Enforce);
  *fixture.dns = TableResolver();
  CHECK(fixture.mode() == StsMode::Enforce);
  CHECK(fixture.web.asked.size() == 1);
  fixture.clock.advance(std::chrono::hours(7 * 24));
  CHECK(fixture.mode() == StsMode::None);
  fixture.begin();
  CHECK(std::filesystem::is_empty(fixture.directory.path()));
}

TEST_CASE(
    "mail waits for the new policy when the record has a new id, and the old one counts without "
    "it") {
  Fixture fixture;
  fixture.announce("a");
  CHECK(fixture.mode() == StsMode::Enforce);
  fixture.announce("b");
  SUBCASE("it comes") {
    fixture.web.reply.body = "version: STSv1\nmode: none\nmax_age: 86400\n";
    CHECK(fixture.mode() == StsMode::None);
    CHECK(fixture.web.asked.size() == 2);
  }
  SUBCASE("it does not, and is not asked for again at once") {
    fixture.web.is_down = true;
    CHECK(fixture.mode() == StsMode::Enforce);
    CHECK(fixture.mode() == StsMode::Enforce);
    CHECK(fixture.web.asked.size() == 2);
  }
}

TEST_CASE("a policy that can't be fetched is none, and what is wrong with it is logged") {
  LogCapture log;
  Fixture fixture;
  fixture.announce("a");
  std::string why;
  std::string failure = "sts-policy-fetch-error";  // in a report
  SUBCASE("no server") {
    fixture.web.is_down = true;
    why = "Connection refused";
  }
  SUBCASE("a web server with another certificate") {
    fixture.web.is_down = true;
    fixture.web.why = why = "SSL certificate problem: self-signed certificate";
    failure = "sts-webpki-invalid";
  }
  SUBCASE("not found") {
    fixture.web.reply.status = 404;
    why = "HTTP status 404";
  }
  SUBCASE("a redirect is not followed") {
    fixture.web.reply.status = 301;
    why = "HTTP status 301";
  }
  SUBCASE("a page") {
    fixture.web.reply.media_type = "text/html";
    why = "the policy is no text/plain but text/html";
    failure = "sts-policy-invalid";
  }
  SUBCASE("nonsense") {
    fixture.web.reply.body = "nonsense";
    why = "a line without a colon: nonsense";
    failure = "sts-policy-invalid";
  }
  SUBCASE("no address") {
    *fixture.dns = TableResolver();
    fixture.dns->txt_record("_mta-sts.example.org", "v=STSv1; id=a;");
    why = "mta-sts.example.org: Host not found";
  }
  CHECK(fixture.find().failure == failure);
  CHECK(log.last() == "mta-sts: warning: the policy of example.org can't be fetched: " + why +
                          "; mail goes there as without one");
  CHECK(fixture.mode() == StsMode::None);
  CHECK(fixture.web.asked.size() <= 1);
}

TEST_CASE("after a day a kept policy is fetched again, while mail goes on with the old one") {
  Fixture fixture;
  fixture.announce("a");
  CHECK(fixture.mode() == StsMode::Enforce);
  fixture.clock.advance(std::chrono::hours(25));
  fixture.web.reply.body = "version: STSv1\nmode: testing\nmx: x.example\nmax_age: 86400\n";
  CHECK(fixture.mode() == StsMode::Enforce);
  fixture.wait_for(StsMode::Testing);
  CHECK(fixture.mode() == StsMode::Testing);
  CHECK(fixture.web.asked.size() == 2);
}

TEST_CASE("no more policies are kept than the limit says; the oldest one goes") {
  Scratch directory;
  StsStore store(directory.path().string());
  for (int i = 0; i < 3; ++i) {
    KeptSts kept;
    kept.id = "a";
    kept.fetched = 1000 + i;
    kept.text = text;
    kept.policy = *StsPolicy::parse(text);
    std::string domain = std::to_string(i) + ".example";
    REQUIRE(StsStore::write(store.directory(), domain, kept));
    store.put(domain, kept, 2);
  }
  CHECK(store.size() == 2);
  CHECK(store.find("0.example", 1000) == nullptr);
  CHECK_FALSE(std::filesystem::exists(directory / "0.example"));
  StsStore again(directory.path().string());
  REQUIRE(again.load(1000, 2));
  CHECK(again.size() == 2);
  REQUIRE(again.find("2.example", 1000) != nullptr);
  CHECK(again.find("2.example", 1000)->policy == *StsPolicy::parse(text));
  CHECK(again.find("2.example", 1002 + 604800) == nullptr);
}

TEST_CASE("MTA-STS is about next hops whose MX records decide, where the admin has said nothing") {
  auto config = config_for_test({"smtp_tls_mta_sts=yes"});
  Route route;
  route.transport = Transport::Smtp;
  route.next_hop = "Example.org";
  CHECK(sts_domain(route, *config) == "example.org");
  CHECK_FALSE(sts_domain(route, *config_for_test({})));
  CHECK_FALSE(sts_domain(
      route, *config_for_test({"smtp_tls_mta_sts=yes", "smtp_tls_security_level=none"})));
  route.tls_policy = "may";
  CHECK_FALSE(sts_domain(route, *config));
  route.tls_policy.clear();
  for (const char* hop : {"[mx.example.org]", "[192.0.2.1]", "192.0.2.1"}) {
    route.next_hop = hop;
    CHECK_FALSE(sts_domain(route, *config));
  }
  route.next_hop = "example.org";
  route.transport = Transport::Lmtp;
  CHECK_FALSE(sts_domain(route, *config));
}
