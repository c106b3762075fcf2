#include "smtpd/policy/signing_keys.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/crypto/random.h"
#include "common/mailauth/dkim_key.h"
#include "common/mailauth/dkim_signer.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct House {
  Scratch scratch;
  KeyDirectory directory{scratch.path() / "dkim"};
  std::vector<std::string> problems;
  SigningKeys keys{directory, [this](const std::string& text) { problems.push_back(text); }};
  SigningKeys::Time now{};

  void add(const std::string& domain, const std::string& selector, bool is_rsa = false) {
    static const SigningKey rsa = SigningKey::make_rsa(1024);
    auto key = is_rsa ? rsa : SigningKey::make_ed25519();
    auto added = directory.add(domain, selector, key, std::nullopt);
    REQUIRE(added);
  }
  /// `DOMAIN: selector rsa, selector ed25519`
  std::string found(const std::string& author) {
    now += std::chrono::seconds(2);
    FindSigningKeys ask;
    ask.author_domain = author;
    auto answer = keys.find(ask, now);
    REQUIRE(answer);
    std::string text = answer->domain + ":";
    for (const auto& key : answer->keys) {
      text += " " + key.selector + (key.is_rsa ? "/rsa" : "/ed25519");
    }
    return text;
  }
  std::string path(const std::string& file) const {
    return directory.path_of("example.org") / file;
  }
};

}  // namespace

TEST_CASE("a domain has the keys in its directory, and those below it have them, too") {
  House house;
  CHECK(house.found("example.org") == ":");
  house.add("example.org", "r1", true);
  house.add("example.org", "e1");
  CHECK(house.found("example.org") == "example.org: r1/rsa e1/ed25519");
  CHECK(house.found("mail.example.org") == "example.org: r1/rsa e1/ed25519");
  CHECK(house.found("org") == ":");
  CHECK(house.found("example.com") == ":");
  CHECK(house.found("notexample.org") == ":");
  CHECK(house.found("../example.org") == ":");
  house.add("mail.example.org", "own");
  CHECK(house.found("mail.example.org") == "mail.example.org: own/ed25519");
  auto domains = house.directory.domains();
  REQUIRE(domains);
  CHECK(*domains == std::vector<std::string>{"example.org", "mail.example.org"});
}

TEST_CASE("a new key waits until the one of its kind that signs is retired") {
  House house;
  house.add("example.org", "e1");
  house.add("example.org", "e2");
  house.add("example.org", "a-rsa", true);
  CHECK(house.found("example.org") == "example.org: a-rsa/rsa e1/ed25519");
  REQUIRE(house.directory.retire("example.org", "e1"));
  CHECK(house.found("example.org") == "example.org: a-rsa/rsa e2/ed25519");
  CHECK_FALSE(house.directory.retire("example.org", "e1"));
  auto twice = house.directory.add("example.org", "e1", SigningKey::make_ed25519(), std::nullopt);
  CHECK(twice.error().text() == "there is a key e1 of example.org already");
}

TEST_CASE("a signature is that of the key, also of one that has been retired meanwhile") {
  House house;
  house.add("example.org", "e1");
  auto kept = house.directory.read("example.org");
  REQUIRE((kept && kept->keys.size() == 1));
  auto published = DkimKey::parse(dkim_key_record(kept->keys[0].key));
  REQUIRE((published && *published));
  SignDigests ask;
  ask.domain = "example.org";
  ask.digests = {{"e1", sha256("a")}, {"e1", sha256("b")}};
  auto made = house.keys.sign(ask, house.now);
  REQUIRE((made && made->signatures.size() == 2));
  CHECK((*published)->key.verifies(sha256("a"), made->signatures[0]));
  CHECK((*published)->key.verifies(sha256("b"), made->signatures[1]));
  REQUIRE(house.directory.retire("example.org", "e1"));
  house.now += std::chrono::seconds(2);
  CHECK(house.keys.sign(ask, house.now));
  ask.digests = {{"e2", sha256("a")}};
  auto none = house.keys.sign(ask, house.now);
  CHECK(none.error().is_temporary());
  ask.digests = {{"e1", "short"}};
  CHECK_FALSE(house.keys.sign(ask, house.now));
}

TEST_CASE("a key that others can read, or that is none, is not used, and it is said why once") {
  House house;
  house.add("example.org", "open");
  house.add("example.org", "good");
  ::chmod(house.path("open.pem").c_str(), 0640);
  std::ofstream(house.path("broken.pem")) << "no key\n";
  ::chmod(house.path("broken.pem").c_str(), 0600);
  std::ofstream(house.path("README")) << "is no key's name\n";
  CHECK(house.found("example.org") == "example.org: good/ed25519");
  CHECK(house.found("example.org") == "example.org: good/ed25519");
  REQUIRE(house.problems.size() == 2);
  CHECK(house.problems[0].starts_with(house.path("broken.pem") + ": "));
  CHECK(house.problems[1] ==
        house.path("open.pem") + ": others can read or change it; chmod 600, and make a new key");
  ::chmod(house.path("open.pem").c_str(), 0600);
  CHECK(house.found("example.org") == "example.org: open/ed25519");
}
