#include "common/tls/certificate_report.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/crypto/random.h"
#include "common/tls/self_signed.h"

using namespace pennypost;

namespace {

class File {
 public:
  explicit File(const std::string& text) {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    std::ofstream(path()) << text;
  }
  ~File() { std::filesystem::remove_all(directory_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return directory_ + "/cert.pem"; }

 private:
  std::string directory_ = "/tmp/unit-certificate-XXXXXX";
};

}  // namespace

TEST_CASE("a certificate's report tells its names, its end and who vouches for it") {
  auto made = make_self_signed({"mail.example.org", "example.org"});
  REQUIRE(made);
  File file(made->certificate);
  auto report = report_certificate(file.path(), "mail.example.org");
  REQUIRE(report);
  CHECK(report->names_host);
  CHECK(report->names == "mail.example.org example.org");
  CHECK(report->is_self_signed);
  CHECK_FALSE(report->chain_problem.empty());
  CHECK(report->seconds_left > (self_signed_days - 2) * 86'400LL);
  CHECK_FALSE(report_certificate(file.path(), "www.example.org")->names_host);
}

TEST_CASE("the data of TLSA records is that of the certificate or of its key") {
  auto made = make_self_signed({"mail.example.org"});
  REQUIRE(made);
  File file(made->certificate);
  auto report = report_certificate(file.path(), "mail.example.org");
  REQUIRE(report);
  CHECK(report->tlsa(0, 0) == report->whole);
  CHECK(report->tlsa(1, 1) == sha256(report->public_key));
  CHECK(report->tlsa(0, 1) == sha256(report->whole));
  CHECK(report->tlsa(1, 2).size() == 64);
  CHECK(report->tlsa(2, 1).empty());
  CHECK(report->tlsa(1, 9).empty());
}

TEST_CASE("a file without a certificate is told so") {
  File file("no PEM\n");
  CHECK(report_certificate(file.path(), "x").error().text() ==
        file.path() + ": no certificate in PEM");
  CHECK(report_certificate("/nonexistent/cert", "x").error().text() ==
        "/nonexistent/cert: no such file");
}
