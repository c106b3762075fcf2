#include "common/config/peer_settings.h"

#include <doctest/doctest.h>

#include "common/config/parameter.h"

using namespace pennypost;

namespace {

constexpr PeerSetting rows[] = {
#define PEER_SETTING(pattern, treatment, remark) \
  PeerSetting{pattern, PeerSetting::Treatment::treatment, remark},
#include "common/config/peer_settings.def"
};

}  // namespace

TEST_CASE("no setting of ours is listed among those that only the peers have") {
  for (const PeerSetting& row : rows) {
    INFO(row.pattern);
    CHECK_FALSE(find_parameter(row.pattern));
  }
}

TEST_CASE("each row of the peers' settings is the first that fits its own pattern") {
  for (const PeerSetting& row : rows) {
    INFO(row.pattern);
    auto found = find_peer_setting(row.pattern);
    REQUIRE(found);
    CHECK(found->pattern == row.pattern);
  }
}

TEST_CASE("a pattern fits by its beginning or its end") {
  CHECK(find_peer_setting("postscreen_upstream_proxy_timeout")->pattern ==
        "postscreen_upstream_proxy_*");
  CHECK(find_peer_setting("smtp_tls_dcert_file")->pattern == "*_dcert_file");
  CHECK(find_peer_setting("archive_delivery_slot_cost")->pattern == "*_delivery_slot_*");
  CHECK_FALSE(find_peer_setting("relayhosts"));
  CHECK_FALSE(find_peer_setting(""));
}
