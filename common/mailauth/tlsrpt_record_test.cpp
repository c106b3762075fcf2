#include "common/mailauth/tlsrpt_record.h"

#include <doctest/doctest.h>

#include "common/dns/testing.h"

using namespace pennypost;

namespace {

std::string uris_of(const std::vector<std::string>& records) {
  auto uris = tlsrpt_uris(records);
  if (!uris) return "none";
  std::string all;
  for (const auto& uri : *uris) all += (all.empty() ? "" : " ") + uri;
  return all;
}

}  // namespace

TEST_CASE("the one TLSRPT record of a domain names where reports go") {
  CHECK(uris_of({"v=TLSRPTv1;rua=mailto:tls@example.org"}) == "mailto:tls@example.org");
  CHECK(uris_of({"other", "v=TLSRPTv1; rua = mailto:a@b.test , https://r.test/x ; ext=1;"}) ==
        "mailto:a@b.test https://r.test/x");
  CHECK(uris_of({"v=TLSRPTv1; rua=ftp://x,mailto:a@b.test"}) == "mailto:a@b.test");
  for (const std::string wrong :
       {"", "v=TLSRPTv2; rua=mailto:a@b.test", "v=TLSRPTv10; rua=mailto:a@b.test",
        "rua=mailto:a@b.test; v=TLSRPTv1", "v=TLSRPTv1; rua=", "v=TLSRPTv1", "v=TLSRPTv1; rua",
        "v=TLSRPTv1; rua=ftp://x"}) {
    CAPTURE(wrong);
    CHECK(uris_of({wrong}) == "none");
  }
  CHECK(uris_of({"v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@b.test"}) == "none");
}

TEST_CASE("no more URIs than the limit are kept") {
  std::string record = "v=TLSRPTv1; rua=mailto:a@b.test";
  for (int i = 0; i < 100; ++i) record += ",mailto:a@b.test";
  CHECK(tlsrpt_uris({record})->size() == tlsrpt_uris_max);
}

TEST_CASE("the places that a domain's TLS reports go to are found, each once") {
  Loop loop;
  TableResolver dns;
  dns.txt_record("_smtp._tls.example.org",
                 "v=TLSRPTv1; rua=mailto:a@b.test,https://r.test/x,mailto:a@b.test,mailto:nobody,"
                 "https://user@r.test/,https://r.test/x");
  auto find = [&](const std::string& domain) {
    return loop.run_until(tlsrpt_targets(loop, dns, domain, std::chrono::seconds(5)));
  };
  auto found = find("example.org");
  REQUIRE(found);
  REQUIRE(found->addresses.size() == 1);
  CHECK(found->addresses.front().address == "a@b.test");
  CHECK(found->web == std::vector<std::string>{"https://r.test/x"});
  auto none = find("example.net");
  REQUIRE(none);
  CHECK((none->addresses.empty() && none->web.empty()));
  dns.try_later("_smtp._tls.example.net", DnsType::Txt);
  CHECK(find("example.net").error().code() == 451);
}
