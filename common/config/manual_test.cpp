#include "common/config/manual.h"

#include <doctest/doctest.h>

#include <string>

#include "common/config/parameter.h"
#include "common/config/topics.h"

using namespace pennypost;

TEST_CASE("the manual page names every setting") {
  std::string page = manual_page();
  for (const Parameter& parameter : parameters()) {
    CHECK(page.find("\\fB" + std::string(parameter.name) + "\\fR") != std::string::npos);
  }
}

TEST_CASE("the manual page lists the settings by topic, in the order of the topics") {
  std::string page = manual_page();
  std::size_t at = 0;
  for (const Topic& topic : topics()) {
    auto found = page.find(".SS \"" + std::string(topic.title.substr(0, 8)), at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
  auto tls = page.find("\\fBsmtpd_tls_key_file\\fR");
  CHECK(page.rfind(".SS ", tls) == page.find(".SS \"TLS"));
}

TEST_CASE("the manual page tells what each type of table is") {
  std::string page = manual_page();
  CHECK(page.find("\\fBldap:\\fR\nA directory, asked as the file says") != std::string::npos);
  CHECK(page.find("\\fBpipemap:\\fR\n{table, table}") != std::string::npos);
}

TEST_CASE("the manual page tells what each restriction means and which argument it takes") {
  std::string page = manual_page();
  CHECK(page.find("\\fBcheck_sender_access\\fR TYPE:TABLE\nLook up the sender") !=
        std::string::npos);
  CHECK(page.find("\\fBreject_rbl_client\\fR DOMAIN\n") != std::string::npos);
  CHECK(page.find("\\fBpermit_mynetworks\\fR\nPermit clients in mynetworks.") != std::string::npos);
}
