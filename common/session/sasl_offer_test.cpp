#include "common/session/sasl_offer.h"

#include <doctest/doctest.h>

using namespace pennypost;
using Names = std::vector<std::string>;

namespace {

const Names wanted{"scram-sha-256-plus", "plain", "LOGIN", "scram-sha-256", "external", "gssapi"};

}  // namespace

TEST_CASE("mechanisms are announced in the settings' order, and only those that can be used") {
  auto offer = sasl_offer(wanted, true, "binding", false);
  CHECK(offer.mechanisms == Names{"SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN", "SCRAM-SHA-256"});
  CHECK(offer.channel_binding == "binding");
  CHECK(offer.holds("scram-sha-256-plus"));
  CHECK_FALSE(offer.holds("EXTERNAL"));
  // To a client whose certificate names somebody.
  CHECK(sasl_offer({"external", "plain"}, false, "", false, true).mechanisms == Names{"EXTERNAL"});
}

TEST_CASE("where no password may pass in the clear, none is asked for") {
  auto offer = sasl_offer(wanted, false, "", false);
  CHECK(offer.mechanisms == Names{"SCRAM-SHA-256"});
  CHECK(offer.channel_binding.empty());
}

TEST_CASE("the exchange learns of a channel binding only where a -PLUS mechanism is announced") {
  auto offer = sasl_offer({"plain", "scram-sha-256"}, true, "binding", false);
  CHECK(offer.mechanisms == Names{"PLAIN", "SCRAM-SHA-256"});
  CHECK(offer.channel_binding.empty());
}

TEST_CASE("auto offers SCRAM where it serves all users, and a mechanism by its name in any case") {
  CHECK(sasl_offer({"auto"}, true, "binding", true).mechanisms ==
        Names{"PLAIN", "LOGIN", "SCRAM-SHA-256"});
  CHECK(sasl_offer({"auto"}, true, "binding", true).channel_binding.empty());
  CHECK(sasl_offer({"auto"}, true, "binding", false).mechanisms == Names{"PLAIN", "LOGIN"});
  CHECK(sasl_offer({"Auto"}, false, "", false).mechanisms.empty());
  CHECK(sasl_offer({"scram-sha-256-plus", "auto"}, true, "binding", false).mechanisms ==
        Names{"SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"});
  CHECK(sasl_offer({"scram-sha-256", "plain"}, true, "", false).mechanisms ==
        Names{"SCRAM-SHA-256", "PLAIN"});
  CHECK(depends_on_users({"login", "auto"}));
  CHECK_FALSE(depends_on_users({"plain", "scram-sha-256"}));
}
