#include "common/config/restrictions.h"

#include <doctest/doctest.h>

#include "common/config/config.h"
#include "common/config/tables.h"

using namespace pennypost;

namespace {

/// The errors of a main.toml; empty where there is none.
std::string errors(std::string_view toml) {
  LoadOptions options;
  options.directory = "/d";
  options.system = System{"mail.example.com", false, {}};
  auto config = Config::parse(toml, options);
  return config ? "" : config.error().text();
}

std::shared_ptr<const Config> good(std::string_view toml) {
  LoadOptions options;
  options.directory = "/d";
  options.system = System{"mail.example.com", false, {}};
  auto config = Config::parse(toml, options);
  if (!config) FAIL(config.error().text());
  return *config;
}

}  // namespace

TEST_CASE("a name of smtpd_restriction_classes is a setting of the admin's own, with a list") {
  auto config = good(
      "smtpd_restriction_classes = \"strict, lenient\"\n"
      "strict = [\"check_client_access hash:/etc/a\", \"sleep 3\", \"lenient\"]\n"
      "lenient = \"permit\"\n"
      "smtpd_helo_restrictions = \"strict\"\n");
  const auto& strict = config->restriction_classes.at("strict");
  REQUIRE(strict.size() == 3);
  CHECK(strict[0] == Restriction{"check_client_access", "hash:/etc/a"});
  CHECK(strict[1] == Restriction{"sleep", "3"});
  CHECK(strict[2] == Restriction{"restriction_class", "lenient"});
  CHECK(config->at(Service::Submission).restriction_classes == config->restriction_classes);
  CHECK(config->smtpd_helo_restrictions[0] == Restriction{"restriction_class", "strict"});

  auto again = Config::from_text(config->to_text());
  REQUIRE(again);
  CHECK((*again)->restriction_classes == config->restriction_classes);
  CHECK((*again)->at(Service::Smtp).restriction_classes == config->restriction_classes);

  bool is_told = false;
  for (const auto& named : tables_in(*config)) {
    is_told = is_told || (named.parameter == "strict" && named.table.name == "/etc/a");
  }
  CHECK(is_told);
}

TEST_CASE("what is wrong with a list of restrictions is told with its line and the remedy") {
  struct Row {
    const char* toml;
    const char* error;
  };
  for (const Row& row : {
           Row{"smtpd_helo_restrictions = \"rejct\"",
               "/d/main.toml:1: smtpd_helo_restrictions: \"rejct\" is not a restriction; did you "
               "mean "
               "reject?; a list of your own needs its name in smtpd_restriction_classes"},
           Row{"strict = \"reject\"", "/d/main.toml:1: unknown setting \"strict\""},
           Row{"smtpd_restriction_classes = \"strict\"",
               "/d/main.toml:1: smtpd_restriction_classes: \"strict\" has no list; write strict = "
               "\"...\""},
           Row{"smtpd_restriction_classes = \"permit\"",
               "/d/main.toml:1: smtpd_restriction_classes: \"permit\" is a name of Pennypost's "
               "own; "
               "take another"},
           Row{"smtpd_restriction_classes = \"a, b\"\na = \"b\"\nb = \"a\"",
               "/d/main.toml:2: a: leads back to itself, or through too many classes"},
           Row{"smtpd_restriction_classes = \"a\"\na = \"rejct\"",
               "/d/main.toml:2: a: \"rejct\" is not a restriction"},
           Row{"smtpd_restriction_classes = \"a\"\na = \"sleep x\"",
               "/d/main.toml:2: a: sleep \"x\": write a number of seconds from 0 to 300"},
           Row{"smtpd_restriction_classes = \"a\"\n[service.smtp]\na = \"reject\"",
               "/d/main.toml:3: unknown setting \"a\""},
           Row{"smtpd_helo_restrictions = \"sleep\"",
               "/d/main.toml:1: smtpd_helo_restrictions: sleep needs a number of seconds after it"},
           Row{"smtpd_helo_restrictions = \"sleep 301\"",
               "/d/main.toml:1: smtpd_helo_restrictions: sleep \"301\": write a number of seconds"},
           Row{"smtpd_helo_restrictions = \"check_helo_access\"",
               "/d/main.toml:1: smtpd_helo_restrictions: check_helo_access needs a table after it"},
           Row{"smtpd_helo_restrictions = \"reject_rbl_client bl.example=127.0.0.x\"",
               "/d/main.toml:1: smtpd_helo_restrictions: reject_rbl_client: \"127.0.0.x\" is no "
               "pattern"},
           Row{"smtpd_helo_restrictions = \"reject_maps_rbl\"",
               "/d/main.toml:1: smtpd_helo_restrictions: \"reject_maps_rbl\" is no restriction "
               "here: write reject_rbl_client with the name of the list behind it"},
           Row{"smtpd_helo_restrictions = \"check_policy_service\"",
               "/d/main.toml:1: smtpd_helo_restrictions: check_policy_service needs a server, such "
               "as inet:127.0.0.1:10023 after it"},
           Row{"smtpd_helo_restrictions = \"check_policy_service { inet:1, timeout=0 }\"",
               "/d/main.toml:1: smtpd_helo_restrictions: check_policy_service: timeout: "},
           Row{"smtpd_data_restrictions = \"hash:/etc/a\"",
               "/d/main.toml:1: smtpd_data_restrictions: \"hash:/etc/a\" does not say what is "
               "looked "
               "up in it; write check_client_access"},
           Row{"default_rbl_reply = \"$rbl_code ${rbl_wat?x}\"",
               "/d/main.toml:1: default_rbl_reply: \"$rbl_wat\" is none of: $rbl_code, $rbl_class"},
       }) {
    CAPTURE(row.toml);
    std::string all = errors(row.toml);
    CAPTURE(all);
    CHECK(all.starts_with(row.error));
  }
}

TEST_CASE("old names of Postfix's restrictions mean what they are called now") {
  auto config =
      good("smtpd_helo_restrictions = \"reject_unknown_client, Reject_Invalid_Hostname\"");
  REQUIRE(config->smtpd_helo_restrictions.size() == 2);
  CHECK(config->smtpd_helo_restrictions[0].name == "reject_unknown_client_hostname");
  CHECK(config->smtpd_helo_restrictions[1].name == "reject_invalid_helo_hostname");
}

TEST_CASE("a class that stops relaying makes the lists that name it safe, and no other does") {
  const std::string classes = "smtpd_restriction_classes = \"a, b\"\na = \"b\"\n";
  CHECK(errors(classes + "b = \"permit_mynetworks, reject\"\nsmtpd_relay_restrictions = \"a\"") ==
        "");
  CHECK(errors(classes + "b = \"permit_mynetworks\"\nsmtpd_relay_restrictions = \"a\"")
            .find("open relay") != std::string::npos);
}
