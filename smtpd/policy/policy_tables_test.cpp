#include "smtpd/policy/policy_tables.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a table of patterns is asked for whole keys alone, also behind other tables") {
  Scratch scratch;
  std::ofstream(scratch / "p") << "/example/ found\n";
  std::string patterns = "regexp:" + scratch / "p";
  AccessTables tables({});
  using Key = store::MapList::Key;
  for (const std::string& name :
       {patterns, "unionmap:{" + patterns + "}", "pipemap:{" + patterns + "}"}) {
    CAPTURE(name);
    auto table = TableRef::parse(name);
    REQUIRE(table);
    auto whole = tables.find(*table, "ann@example.org", Key::Whole);
    REQUIRE(whole);
    CHECK(*whole == "found");
    auto part = tables.find(*table, "example.org", Key::Partial);
    REQUIRE(part);
    CHECK_FALSE(*part);
  }
}
