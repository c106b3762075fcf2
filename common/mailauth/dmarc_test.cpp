#include "common/mailauth/dmarc.h"

#include <doctest/doctest.h>

#include "common/dns/testing.h"

using namespace pennypost;

namespace {

struct World {
  TableResolver dns;
  Loop loop;
  DmarcRequest request;

  World& record(const std::string& domain, std::string text) {
    dns.txt_record("_dmarc." + domain, std::move(text));
    return *this;
  }
  World& from(std::string domain) {
    request.author_domain = std::move(domain);
    return *this;
  }
  World& spf(SpfStatus status, std::string domain) {
    request.spf.status = status;
    request.spf.domain = std::move(domain);
    return *this;
  }
  World& dkim(DkimStatus status, std::string domain) {
    auto& result = request.dkim.emplace_back();
    result.status = status;
    result.domain = std::move(domain);
    return *this;
  }
  DmarcResult check() {
    return loop.run_until(check_dmarc(loop, dns, request, std::chrono::seconds(5)));
  }
  World& walk() {
    request.discovery = DmarcDiscovery::TreeWalk;
    return *this;
  }
};

struct Rejecting : World {
  Rejecting() { record("example.com", "v=DMARC1; p=reject").from("example.com"); }
};

}  // namespace

TEST_CASE("an author's domain is that of the only From") {
  auto domain = [](std::string_view header) {
    auto found = author_domain(header);
    return found ? *found : found.error().text();
  };
  CHECK(domain("From: Ann <ann@Example.COM>\r\n") == "example.com");
  CHECK(domain("From: \"x@evil.example\" <ann@example.com>\n") == "example.com");
  CHECK(domain("From: a@example.com, b@Example.com\r\n") == "example.com");
  CHECK(domain("From: ann@b\xc3\xbc"
               "cher.example\r\n") == "xn--bcher-kva.example");
  CHECK(domain("From: a@example.com, b@example.org\r\n") ==
        "From has addresses of several domains");
  CHECK(domain("From: a@example.com\r\nFROM: a@example.com\r\n") == "2 From fields instead of one");
  CHECK(domain("To: a@example.com\r\n") == "0 From fields instead of one");
  CHECK(domain("From: ann\r\n") == "From has no valid domain");
  CHECK(domain("From: a@[192.0.2.1]\r\n") == "From has no valid domain");
  CHECK(domain("From: undisclosed:;\r\n") == "From has no address");
}

TEST_CASE("several authors are those of several fields or domains") {
  CHECK(shows_several_authors("From: a@example.com, b@example.org\r\n"));
  CHECK(shows_several_authors("From: a@example.com\r\nFROM: a@example.com\r\n"));
  CHECK_FALSE(shows_several_authors("From: a@example.com, b@Example.com\r\n"));
  CHECK_FALSE(shows_several_authors("From: ann\r\n"));
  CHECK_FALSE(shows_several_authors("To: a@example.com\r\n"));
}

TEST_CASE("SPF or DKIM for the author's domain is enough, and others' is not") {
  CHECK(Rejecting().spf(SpfStatus::Pass, "example.com").check().status == DmarcStatus::Pass);
  CHECK(Rejecting().dkim(DkimStatus::Pass, "example.com").check().status == DmarcStatus::Pass);
  CHECK(Rejecting().check().status == DmarcStatus::Fail);
  Rejecting world;
  world.spf(SpfStatus::Pass, "evil.example").dkim(DkimStatus::Pass, "notexample.com");
  world.dkim(DkimStatus::Fail, "example.com");
  auto result = world.check();
  CHECK(result.status == DmarcStatus::Fail);
  CHECK(result.policy == DmarcPolicy::Reject);
  CHECK(result.requested == DmarcPolicy::Reject);
  CHECK(result.record_domain == "example.com");
  CHECK(Rejecting().spf(SpfStatus::SoftFail, "example.com").check().status == DmarcStatus::Fail);
}

TEST_CASE("domains of one organization are aligned unless alignment is strict") {
  Rejecting world;
  auto result = world.from("news.example.com").dkim(DkimStatus::Pass, "mail.Example.com").check();
  CHECK(result.status == DmarcStatus::Pass);
  CHECK(result.dkim_aligned);
  CHECK(!result.spf_aligned);
  World strict;
  strict.record("example.com", "v=DMARC1; p=none; adkim=s; aspf=s").from("news.example.com");
  strict.dkim(DkimStatus::Pass, "example.com").spf(SpfStatus::Pass, "example.com");
  CHECK(strict.check().status == DmarcStatus::Fail);
  strict.spf(SpfStatus::Pass, "news.example.com");
  CHECK(strict.check().status == DmarcStatus::Pass);
  World suffix;
  suffix.record("a.co.uk", "v=DMARC1; p=reject").from("a.co.uk").dkim(DkimStatus::Pass, "b.co.uk");
  suffix.dkim(DkimStatus::Pass, "co.uk");
  CHECK(suffix.check().status == DmarcStatus::Fail);
}

TEST_CASE("a domain without a record has its organization's, with the policy for subdomains") {
  World world;
  world.record("example.com", "v=DMARC1; p=reject; sp=quarantine; np=none").from("a.b.example.com");
  world.dns.address("a.b.example.com", "192.0.2.1");
  auto result = world.check();
  CHECK(result.record_domain == "example.com");
  CHECK(result.policy == DmarcPolicy::Quarantine);
  CHECK(world.from("nowhere.example.com").check().policy == DmarcPolicy::None);
  world.dns.try_later("later.example.com", DnsType::Mx);
  CHECK(world.from("later.example.com").check().policy == DmarcPolicy::Quarantine);
  CHECK(world.from("example.com").check().policy == DmarcPolicy::Reject);
  world.record("a.b.example.com", "v=DMARC1; p=none");
  CHECK(world.from("a.b.example.com").check().record_domain == "a.b.example.com");
}

TEST_CASE("no record, several, and one that is malformed are none") {
  World world;
  CHECK(world.from("example.com").check().status == DmarcStatus::None);
  CHECK(world.check().reason == "no DMARC record");
  world.record("example.com", "words").record("example.com", "v=DMARC1; p=what");
  CHECK(world.check().status == DmarcStatus::None);
  Rejecting two;
  CHECK(two.check().status == DmarcStatus::Fail);
  two.record("example.com", "words");
  CHECK(two.check().status == DmarcStatus::Fail);
  two.record("example.com", "v=DMARC1; p=none");
  CHECK(two.check().status == DmarcStatus::None);
}

TEST_CASE("a percentage and a test soften the policy by one step") {
  World world;
  world.record("example.com", "v=DMARC1; p=reject; pct=30").from("example.com");
  world.request.sample = 29;
  CHECK(world.check().requested == DmarcPolicy::Reject);
  world.request.sample = 30;
  CHECK(world.check().requested == DmarcPolicy::Quarantine);
  CHECK(world.check().policy == DmarcPolicy::Reject);
  World testing;
  testing.record("example.com", "v=DMARC1; p=quarantine; t=y").from("example.com");
  CHECK(testing.check().requested == DmarcPolicy::None);
}

TEST_CASE("what DNS did not answer is a temporary error, if it could have decided") {
  World world;
  world.from("example.com").dns.try_later("_dmarc.example.com", DnsType::Txt);
  CHECK(world.check().status == DmarcStatus::TempError);
  CHECK(Rejecting().spf(SpfStatus::TempError, "example.com").check().status ==
        DmarcStatus::TempError);
  CHECK(Rejecting().dkim(DkimStatus::TempError, "example.com").check().status ==
        DmarcStatus::TempError);
  CHECK(Rejecting().dkim(DkimStatus::TempError, "evil.example").check().status ==
        DmarcStatus::Fail);
  Rejecting passed;
  passed.dkim(DkimStatus::TempError, "example.com").dkim(DkimStatus::Pass, "example.com");
  CHECK(passed.check().status == DmarcStatus::Pass);
  CHECK(Rejecting().spf(SpfStatus::TempError, "example.com").check().requested ==
        DmarcPolicy::None);
}

TEST_CASE("a walk up the tree finds the organization where DNS says it ends") {
  World world;
  world.walk().record("example", "v=DMARC1; p=none; psd=y").from("a.shop.example");
  world.dns.no_data("a.shop.example");
  auto result = world.check();
  CHECK(result.record_domain == "example");
  world.dkim(DkimStatus::Pass, "b.shop.example");
  CHECK(world.check().status == DmarcStatus::Pass);
  world.request.dkim.clear();
  world.dkim(DkimStatus::Pass, "other.example");
  CHECK(world.check().status == DmarcStatus::Fail);
  world.record("shop.example", "v=DMARC1; p=reject; sp=quarantine");
  CHECK(world.check().record_domain == "shop.example");
  CHECK(world.check().policy == DmarcPolicy::Quarantine);
  // Below psd=n is an organization of its own.
  world.record("a.shop.example", "v=DMARC1; p=none; psd=n");
  CHECK(world.check().record_domain == "a.shop.example");
  world.request.dkim.clear();
  world.dkim(DkimStatus::Pass, "shop.example");
  CHECK(world.check().status == DmarcStatus::Fail);
}

TEST_CASE("a walk up the tree asks about a bounded number of domains") {
  class Counting final : public Resolver {
   public:
    Task<DnsReply> query(std::string name, DnsType) override {
      names.push_back(std::move(name));
      co_return DnsReply(DnsStatus::NoSuchName);
    }
    std::vector<IpAddress> hosts_addresses(const std::string&) const override { return {}; }
    std::string hosts_name(const IpAddress&) const override { return {}; }
    std::vector<std::string> names;
  };
  Counting dns;
  Loop loop;
  DmarcRequest request;
  request.discovery = DmarcDiscovery::TreeWalk;
  request.author_domain = "a.b.c.d.e.f.g.h.i.example";
  auto result = loop.run_until(check_dmarc(loop, dns, request, std::chrono::seconds(5)));
  CHECK(result.status == DmarcStatus::None);
  REQUIRE(dns.names.size() == tree_walk_labels_max);
  CHECK(dns.names[0] == "_dmarc.a.b.c.d.e.f.g.h.i.example");
  CHECK(dns.names[1] == "_dmarc.d.e.f.g.h.i.example");
  CHECK(dns.names.back() == "_dmarc.example");
}
