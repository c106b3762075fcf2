#include "smtpd/routing/forwarded_senders.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/base/scratch.h"
#include "smtpd/routing/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Forwarding {
  explicit Forwarding(std::vector<std::string> more = {}) {
    std::ofstream(secrets()) << "secret\n";
    ::chmod(secrets().c_str(), 0600);
    std::vector<std::string> settings{"srs_domain=srs.example.org", "srs_secret_file=" + secrets()};
    settings.insert(settings.end(), more.begin(), more.end());
    router.emplace(settings);
  }
  std::string secrets() const { return scratch / "secrets"; }
  /// The sender with which mail of `sender` leaves for `address`, to which an alias has led.
  std::string sender(const std::string& address, const std::string& sender, int depth = 1) {
    Recipient recipient;
    recipient.address = recipient.original = address;
    recipient.depth = static_cast<std::uint16_t>(depth);
    auto resolution = router->router->resolve(recipient, sender);
    if (!resolution) return "later " + resolution.error().text();
    CHECK_FALSE(resolution->is_expansion);
    return resolution->srs_sender;
  }

  Scratch scratch;
  std::optional<RouterFixture> router;
};

}  // namespace

TEST_CASE("mail of strangers that an alias sends elsewhere leaves with a sender of ours") {
  Forwarding forwarding;
  auto made = forwarding.sender("carol@else.example", "eve@far.example");
  CHECK(made.starts_with("SRS0="));
  CHECK(made.ends_with("=far.example=eve@srs.example.org"));
  CHECK(forwarding.router->resolve(made.c_str()) == "-> eve@far.example");
  CHECK(forwarding.router->destination(made.c_str()) == "smtp far.example");
  // What was named by the client itself, what is ours, and what has no sender stays.
  CHECK(forwarding.sender("carol@else.example", "eve@far.example", 0) == "");
  CHECK(forwarding.sender("carol@else.example", "ann@example.org") == "");
  CHECK(forwarding.sender("carol@else.example", "x@hosted.example") == "");
  CHECK(forwarding.sender("carol@else.example", "x@partner.example") == "");
  CHECK(forwarding.sender("carol@else.example", "ann@srs.example.org") == "");
  CHECK(forwarding.sender("carol@else.example", "") == "");
  CHECK(forwarding.sender("carol@partner.example", "eve@far.example") == "");
  CHECK(forwarding.sender("ann@example.org", "eve@far.example") == "");
}

TEST_CASE("senders of exempt domains stay, and without srs_domain all do") {
  Forwarding forwarding({"srs_exempt_domains=far.example, .near.example"});
  CHECK(forwarding.sender("carol@else.example", "eve@far.example") == "");
  CHECK(forwarding.sender("carol@else.example", "eve@a.near.example") == "");
  CHECK(forwarding.sender("carol@else.example", "eve@near.example") != "");
  RouterFixture without;
  CHECK(without.resolve("SRS0=abcd=AA=far.example=eve@else.example") == "smtp else.example");
}

TEST_CASE("nobody but the senders made in it has mail in srs_domain") {
  Forwarding forwarding;
  check(*forwarding.router, {{"ann@srs.example.org", "5.1.1 User unknown in virtual alias table"},
                             {"SRS0=abcd=AA=far.example=eve@srs.example.org",
                              "5.1.1 this SRS address was not made here"},
                             {"SRS0=abcd@srs.example.org", "5.1.1 this SRS address is malformed"}});
  Forwarding shared({"srs_domain=example.org"});
  CHECK(shared.router->resolve("ann@example.org") == "local ann");
  auto made = shared.sender("carol@else.example", "eve@far.example");
  CHECK(made.ends_with("@example.org"));
  CHECK(shared.router->resolve(made.c_str()) == "-> eve@far.example");
}

TEST_CASE("while the secrets can't be read, forwarded mail waits") {
  Forwarding forwarding;
  ::chmod(forwarding.secrets().c_str(), 0644);
  CHECK(forwarding.sender("carol@else.example", "eve@far.example") ==
        "later srs_secret_file: " + forwarding.secrets() +
            ": it must be a file that only mail_owner can read; chmod 600");
  CHECK(forwarding.sender("carol@else.example", "ann@example.org") == "");
  ::chmod(forwarding.secrets().c_str(), 0600);
  CHECK(forwarding.sender("carol@else.example", "eve@far.example") != "");
  std::ofstream(forwarding.secrets()) << "\n \n";
  Forwarding empty({"srs_secret_file=" + forwarding.secrets()});
  CHECK(empty.sender("carol@else.example", "eve@far.example").find("it has no secret") !=
        std::string::npos);
}

TEST_CASE("the file of secrets is made once, for its owner alone") {
  Scratch scratch;
  auto path = scratch / "made";
  auto config =
      config_for_test({"srs_domain=srs.example.org", "srs_secret_file=" + path, "mail_owner=root"});
  REQUIRE(prepare_srs_secret(*config));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(status.st_size > 60);
  auto made = status.st_ino;
  REQUIRE(prepare_srs_secret(*config));
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_ino == made);
  REQUIRE(prepare_srs_secret(*config_for_test({"srs_secret_file=" + (scratch / "none")})));
  CHECK(::stat((scratch / "none").c_str(), &status) != 0);
}
