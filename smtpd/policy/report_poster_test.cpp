#include "smtpd/policy/report_poster.h"

#include <doctest/doctest.h>

#include <mutex>

#include "common/config/testing.h"
#include "common/dns/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A poster, and the web server that it posts to.
struct Fixture {
  std::string post(const std::string& uri) {
    PostReport report;
    report.uri = uri;
    report.content_type = "application/tlsrpt+gzip";
    report.content = "packed";
    auto posted = loop.run_until(poster.post(std::move(report), dns, config));
    return posted ? "accepted" : posted.error().text();
  }
  Result<HttpsReply> answer(const HttpsFetch& what) {
    std::lock_guard lock(mutex);
    asked.push_back(what);
    return reply;
  }

  Loop loop;
  std::mutex mutex;
  std::vector<HttpsFetch> asked;
  Result<HttpsReply> reply = HttpsReply{200, "text/plain", ""};
  std::shared_ptr<TableResolver> dns = std::make_shared<TableResolver>();
  std::shared_ptr<const Config> config = config_for_test({"smtp_tls_mta_sts_CAfile=/ca.pem"});
  ReportPoster poster{loop, [this](const HttpsFetch& what) { return answer(what); }};
};

}  // namespace

TEST_CASE("a report is posted to the host of its URI, at the addresses that our resolver gives") {
  Fixture fixture;
  fixture.dns->address("r.test", "192.0.2.80");
  CHECK(fixture.post("https://R.test:8443/v1?id=7") == "accepted");
  REQUIRE(fixture.asked.size() == 1);
  const auto& asked = fixture.asked[0];
  CHECK(asked.host == "r.test");
  CHECK(asked.port == 8443);
  CHECK(asked.path == "/v1?id=7");
  CHECK(asked.addresses == std::vector<IpAddress>{*IpAddress::parse("192.0.2.80")});
  CHECK(asked.ca_file == "/ca.pem");
  CHECK(asked.posted_type == "application/tlsrpt+gzip");
  CHECK(asked.posted == "packed");
}

TEST_CASE("a report is accepted by any status 2xx, and by nothing else") {
  Fixture fixture;
  fixture.dns->address("r.test", "192.0.2.80");
  for (int status : {200, 201, 202, 204, 299}) {
    fixture.reply->status = status;
    CHECK(fixture.post("https://r.test/") == "accepted");
  }
  for (int status : {199, 301, 404, 503}) {
    fixture.reply->status = status;
    CHECK(fixture.post("https://r.test/") ==
          "https://r.test/: HTTP status " + std::to_string(status));
  }
  fixture.reply = Error::temporary("Connection refused");
  CHECK(fixture.post("https://r.test/") == "https://r.test/: Connection refused");
}

TEST_CASE("a report is not posted to a host without addresses, nor to what is no https: URI") {
  Fixture fixture;
  CHECK(fixture.post("https://r.test/").starts_with("https://r.test/: "));
  fixture.dns->address("r.test", "192.0.2.80");
  CHECK(fixture.post("http://r.test/").find("no https: URI") != std::string::npos);
  CHECK(fixture.post("https://192.0.2.80/").find("it names no host") != std::string::npos);
  CHECK(fixture.asked.empty());
}
