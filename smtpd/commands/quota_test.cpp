#include "smtpd/commands/quota.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "smtpd/commands/testing.h"

using namespace pennypost;

namespace {

struct House : smtp::CommandHouse {
  House() : CommandHouse(&smtp::quota) {
    configure("auth_realm = \"example.test\"\nusers_map = \"texthash:" + scratch / "users" +
              "\"\nvirtual_mail_owner = \"root\"\nvirtual_mailbox_base = \"" + scratch / "vmail" +
              "\"\nquota_rule = \"*:storage=10K:messages=4\"\n");
    std::ofstream(scratch / "users") << "alice@example.test\thome=" << scratch / "vmail/alice"
                                     << "\n";
    for (const char* part : {"new", "cur", "tmp"}) {
      std::filesystem::create_directories(scratch / "vmail/alice/Maildir/" + part);
    }
  }
  void put(const std::string& name, std::size_t bytes) const {
    std::ofstream(scratch / "vmail/alice/Maildir/cur/" + name) << std::string(bytes, 'x');
  }
};

}  // namespace

TEST_CASE("quota get shows what a mailbox holds and may hold, recalc counts it again") {
  House house;
  house.put("a", 5120);
  CHECK(house.run({"get", "-u", "alice"}) == 0);
  CHECK(house.out ==
        "alice@example.test\tSTORAGE\t5\t10\t50\nalice@example.test\tMESSAGE\t1\t4\t25\n");
  house.put("b", 1024);  // by another program, which does not count it
  CHECK(house.run({"get", "--json", "-u", "alice@example.test"}) == 0);
  CHECK(house.out.find("\"type\": \"STORAGE\", \"value\": 5, \"limit\": 10, \"percent\": 50}") !=
        std::string::npos);
  CHECK(house.run({"recalc", "-u", "alice"}) == 0);
  CHECK(house.out ==
        "alice@example.test\tSTORAGE\t6\t10\t60\nalice@example.test\tMESSAGE\t2\t4\t50\n");
  CHECK(house.run({"get", "-u", "alice"}) == 0);
  CHECK(house.out.starts_with("alice@example.test\tSTORAGE\t6\t"));
}

TEST_CASE("quota of nobody, and a wrong call, are refused") {
  House house;
  CHECK(house.run({"get", "-u", "zoe"}) == 1);
  CHECK(house.err == "pennypost quota: fatal: there is no user zoe\n");
  CHECK(house.run({"get"}) == 64);
  CHECK(house.run({"get", "-A", "-u", "alice"}) == 64);
  CHECK(house.run({"set", "-A"}) == 64);
}
