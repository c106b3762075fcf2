#include "store/maps/network_entries.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/base/text.h"
#include "store/maps/build.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

std::string listed(const std::string& table) {
  auto networks = networks_of(*TableRef::parse(table));
  return networks ? join(*networks, " ") : "error: " + networks.error().text();
}

}  // namespace

TEST_CASE("the networks of a table are its keys, however access tables and lists write them") {
  Scratch scratch;
  std::string file = scratch / "t";
  std::ofstream(file) << "192.0.2.1 x\n10.1 x\n172.16.0.0/12 x\n[2001:db8::]/32 x\n127 x\n";
  REQUIRE(build_map(file, {}));
  CHECK(listed("texthash:" + file) ==
        "192.0.2.1/32 10.1.0.0/16 172.16.0.0/12 [2001:db8::]/32 127.0.0.0/8");
  CHECK(listed("hash:" + file).find("10.1.0.0/16") != std::string::npos);
  std::ofstream(scratch / "c") << "10.0.0.0/8 x\n192.0.2.0/24 y\n";
  CHECK(listed("cidr:" + scratch / "c") == "10.0.0.0/8 192.0.2.0/24");
  CHECK(listed("inline:{192.0.2.7=x}") == "192.0.2.7/32");
  std::ofstream(scratch / "l") << "192.0.2.0/24 # ours\n198.51.100.1\n";
  auto names = networks_of(TableRef{"list", scratch / "l"});
  REQUIRE(names);
  CHECK(join(*names, " ") == "198.51.100.1/32 192.0.2.0/24");
}

TEST_CASE("a table that holds something else than networks, or can't be listed, is an error") {
  Scratch scratch;
  std::ofstream(scratch / "t") << "192.0.2.1 x\nclient.example x\n";
  CHECK(listed("texthash:" + scratch / "t").find("client.example") != std::string::npos);
  std::ofstream(scratch / "c") << "!10.0.0.0/8 x\n";
  CHECK(listed("cidr:" + scratch / "c").starts_with("error: "));
  std::ofstream(scratch / "p") << "/x/ y\n";
  CHECK(listed("pcre:" + scratch / "p").starts_with("error: "));
  CHECK(listed("texthash:" + scratch / "none").find("none") != std::string::npos);
}
