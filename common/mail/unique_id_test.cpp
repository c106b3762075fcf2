#include "common/mail/unique_id.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

const UniqueIdParts message{171, 305419896, "1700000000.M1P2.Host,S=30,W=33",
                            "1700000000.M1P2.Host"};

std::string id_of(std::string_view format) {
  auto parsed = UniqueIdFormat::parse(format);
  REQUIRE_MESSAGE(parsed, format);
  return parsed->id(message).value_or("none");
}

}  // namespace

// As printed by Dovecot 2.3.19 for this very message.
TEST_CASE("ids have the octets that Dovecot gives them") {
  CHECK(id_of("%08Xu%08Xv") == "000000ab12345678");
  CHECK(id_of("%v-%u") == "305419896-171");
  CHECK(id_of("%v.%u") == "305419896.171");
  CHECK(id_of("UID%u-%v") == "UID171-305419896");
  CHECK(id_of("%%%u") == "%171");
  CHECK(id_of("%f") == "1700000000.M1P2.Host,S=30,W=33");
  CHECK(id_of("%Uf") == "1700000000.M1P2.HOST,S=30,W=33");
  CHECK(id_of("%Xu") == "ab");
  CHECK(id_of("%LXu") == "ab");
  CHECK(id_of("%08UXu") == "000000ab");
  CHECK(id_of("%08XUu") == "000000AB");
  CHECK(id_of("%04u") == "0171");
  CHECK(id_of("%012u") == "000000000171");
}

TEST_CASE("a width without a zero cuts an id off, and fills nothing") {
  CHECK(id_of("%4u") == "171");
  CHECK(id_of("%2u") == "17");
  CHECK(id_of("%8Xu") == "ab");
  CHECK(id_of("%5Xv%u") == "12345171");
  CHECK(id_of("%05Xv%u") == "12345678171");
  CHECK(id_of("%4f") == "1700");
}

TEST_CASE("a message without what the format asks for, or with blanks in it, gets no id of it") {
  CHECK_FALSE(UniqueIdFormat::parse("%f")->id({1, 2, "", ""}));
  CHECK_FALSE(UniqueIdFormat::parse("%g")->id({1, 2, "f", ""}));
  CHECK_FALSE(UniqueIdFormat::parse("%f")->id({1, 2, "a b", ""}));
  CHECK(UniqueIdFormat::parse("%g")->id({1, 2, "f", "0af1"}) == "0af1");
  CHECK(UniqueIdFormat::parse("%f")->uses_files());
  CHECK_FALSE(UniqueIdFormat::parse("%u")->uses_files());
}

TEST_CASE("a format that gives no id is refused") {
  for (const char* format :
       {"", "%v", "%m", "%", "%08X", "%08xu", "%u \x7f", "%99u", "%99999999999u", "a b%u", "%Xf",
        "%{uid}", "%Hu", "%020u%020v%020u%020v", "%-8Xu"}) {
    CAPTURE(format);
    CHECK_FALSE(UniqueIdFormat::parse(format));
  }
}
