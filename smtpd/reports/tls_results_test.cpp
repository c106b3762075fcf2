#include "smtpd/reports/tls_results.h"

#include <doctest/doctest.h>
#include <filesystem>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::int64_t noon = 1'795'953'600;  // 2026-11-29 12:00 UTC
constexpr std::int64_t next_day = noon + 86'400;

TlsResult result(std::string kind = "") {
  TlsResult made;
  made.policy_type = "sts";
  made.policy = {"version: STSv1", "mode: testing", "mx: *.a-b.test"};
  made.mx_patterns = {"*.a-b.test"};
  made.kind = std::move(kind);
  made.receiving_mx = "mx.a-b.test";
  made.receiving_ip = "192.0.2.1";
  made.sending_ip = "2001:db8::1";
  if (!made.kind.empty()) made.reason = "self-signed 100%/a=b";
  return made;
}

}  // namespace

TEST_CASE("a TLS result is read from its line as it was written") {
  for (const auto& one :
       {result(), result("certificate-not-trusted"), TlsResult{"-", {}, {}, "", "", "", "", "-"}}) {
    KeptTlsResult kept;
    kept.count = 7;
    kept.result = one;
    auto line = kept.line();
    CHECK(line.find('\n') == line.size() - 1);
    auto back = KeptTlsResult::parse(line.substr(0, line.size() - 1));
    REQUIRE(back);
    CHECK(back->count == 7);
    CHECK(back->result == one);
  }
}

TEST_CASE("a damaged line is no TLS result") {
  KeptTlsResult kept;
  kept.result = result("certificate-expired");
  auto line = kept.line();
  line.pop_back();
  CHECK(KeptTlsResult::parse(line));
  for (const auto& wrong :
       {std::string(), std::string("1"), "x" + line, "0" + line.substr(1), line + " word",
        line + " other=a", line + " mx=%4", std::string("1 - - - - - -"), line.substr(0, 30)}) {
    CAPTURE(wrong);
    CHECK_FALSE(KeptTlsResult::parse(wrong));
  }
}

TEST_CASE("a policy with more parts than the limit is cut") {
  KeptTlsResult kept;
  kept.result = result();
  kept.result.mx_patterns.assign(2 * tls_result_parts_max, "mx.test");
  kept.result.reason = std::string(2 * tls_result_text_max, 'x');
  auto line = kept.line();
  auto back = KeptTlsResult::parse(line.substr(0, line.size() - 1));
  REQUIRE(back);
  CHECK(back->result.mx_patterns.size() == tls_result_parts_max);
  CHECK(back->result.reason.size() == tls_result_text_max);
}

TEST_CASE("a day's sessions are counted by policy, and failures by their kind") {
  Scratch scratch;
  TlsResults kept(scratch.path());
  TlsResult other;
  other.policy_type = "no-policy-found";
  for (const auto& one : {result(), result(), result("certificate-expired"), result(),
                          result("certificate-expired"), result("validation-failure"), other}) {
    REQUIRE(kept.add("a-b.test", one, noon));
  }
  CHECK(kept.lines().closed(noon)->empty());
  auto closed = kept.lines().closed(next_day);
  REQUIRE(closed->size() == 1);
  auto report = kept.read(closed->front());
  REQUIRE((report && *report));
  const auto& policies = (*report)->policies;
  CHECK((*report)->begin == noon - 43'200);
  CHECK((*report)->end == noon + 43'199);
  REQUIRE(policies.size() == 2);
  const auto& sts = policies[policies[0].type == "sts" ? 0 : 1];
  CHECK(sts.domain == "a-b.test");
  CHECK(sts.policy == result().policy);
  CHECK(sts.successes == 3);
  CHECK(sts.failures == 3);
  REQUIRE(sts.details.size() == 2);
  for (const auto& one : sts.details) {
    CHECK(one.count == (one.kind == "certificate-expired" ? 2 : 1));
    CHECK(one.receiving_mx == "mx.a-b.test");
    CHECK(one.reason == "self-signed 100%/a=b");
  }
  CHECK(policies[policies[0].type == "sts" ? 1 : 0].successes == 1);
}

TEST_CASE("sessions without number with one domain stay within the limit of its file") {
  Scratch scratch;
  TlsResults kept(scratch.path());
  KeptTlsResult one;
  one.result = result("certificate-expired");
  const auto lines = 2 * daily_file_bytes_max / one.line().size();
  for (std::uint64_t i = 0; i < lines; ++i) REQUIRE(kept.add("a.test", one.result, noon));
  CHECK(std::filesystem::file_size(scratch / "2026-11-29/a.test") <= daily_file_bytes_max);
  auto report = kept.read({"2026-11-29", "a.test"});
  REQUIRE((report && *report));
  CHECK((*report)->policies.at(0).failures == lines);
}
