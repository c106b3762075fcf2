#include "smtpd/routing/trust_anchor_files.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("trust anchors come from the policy's files, or else from those of the setting") {
  Scratch directory;
  std::ofstream(directory / "a.pem") << "A";
  std::ofstream(directory / "b.pem") << "B";
  auto config = config_for_test({"smtp_tls_trust_anchor_file=" + (directory / "a.pem")});
  CHECK(*read_trust_anchors("", *config) == "A\n");
  CHECK(*read_trust_anchors("verify", *config) == "A\n");
  CHECK(*read_trust_anchors("verify tafile=" + (directory / "b.pem"), *config) == "B\n");
  CHECK(*read_trust_anchors(
            "verify tafile=" + (directory / "b.pem") + " tafile=" + (directory / "a.pem"),
            *config) == "B\nA\n");
  CHECK(read_trust_anchors("may", *config_for_test({}))->empty());
}

TEST_CASE("trust anchors that can't be read, or are too large, defer mail and are named") {
  Scratch directory;
  auto config = config_for_test({});
  std::string path = directory / "none.pem";
  auto missing = read_trust_anchors("verify tafile=" + path, *config);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().status() == EnhancedStatus("4.7.5"));
  CHECK(missing.error().text() == "trust anchors: there is no file " + path);
  path = directory / "large.pem";
  std::ofstream(path) << std::string(trust_anchor_bytes_max + 1, 'x');
  auto large = read_trust_anchors("verify tafile=" + path, *config);
  REQUIRE_FALSE(large);
  CHECK(large.error().is_temporary());
  CHECK(large.error().text().find(path) != std::string::npos);
}
