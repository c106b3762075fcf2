#include "common/config/verify_settings.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;

TEST_CASE("addresses are verified on the way of their mail, unless a setting says otherwise") {
  CHECK(verify_config(*config_for_test({"relayhost=[mail.example]"})) == nullptr);
  auto other = verify_config(
      *config_for_test({"relayhost=[mail.example]", "address_verify_relayhost=",
                        "address_verify_transport_maps=inline:{example.org=smtp:[a.example]}",
                        "address_verify_virtual_transport=smtp:[b.example]"}));
  REQUIRE(other);
  CHECK(other->relayhost.empty());
  CHECK(other->transport_maps.size() == 1);
  CHECK(other->virtual_transport == "smtp:[b.example]");
  CHECK(other->local_transport == other->address_verify_local_transport);
}
