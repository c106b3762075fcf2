#include "smtpd/commands/hosted_domains.h"

#include <doctest/doctest.h>

#include <string>

#include "smtpd/commands/testing.h"

using namespace pennypost;

namespace {

struct House : smtp::CommandHouse {
  House() : CommandHouse(&smtp::domain) { configure(""); }
};

}  // namespace

TEST_CASE("hosted domains are added, listed and removed, by Unicode or A-labels") {
  House house;
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out == "");
  CHECK(house.run({"add", "Hosted.Example"}) == 0);
  CHECK(house.out.starts_with("hosted.example added"));
  CHECK(house.err == "");
  CHECK(house.run({"add", "bücher.example"}) == 0);
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out == "hosted.example\nxn--bcher-kva.example\tbücher.example\n");
  CHECK(house.run({"del", "xn--bcher-kva.example"}) == 0);
  CHECK(house.out == "bücher.example (xn--bcher-kva.example) removed\n");
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out == "hosted.example\n");
}

TEST_CASE("what can't be done with a domain is said, with exit status 1") {
  House house;
  CHECK(house.run({"add", "a b"}) == 1);
  CHECK(house.err ==
        "pennypost domain: fatal: \"a b\" is not a domain; write one like example.com\n");
  CHECK(house.run({"add", "[192.0.2.1]"}) == 1);
  CHECK(house.run({"add", "localhost"}) == 1);
  CHECK(house.run({"add", "a.example"}) == 0);
  CHECK(house.run({"add", "A.example"}) == 1);
  CHECK(house.err == "pennypost domain: fatal: the domain a.example is hosted already\n");
  CHECK(house.run({"del", "b.example"}) == 1);
  CHECK(house.err.find("b.example is not in " + house.scratch / "domains") != std::string::npos);
  CHECK(house.run({"add"}) == 1);
  CHECK(house.run({"move", "a.example"}) == 1);
  CHECK(house.err.find("usage: pennypost domain") != std::string::npos);
  CHECK(house.run({"list", "-o", "domains_map=inline:{a=b}"}) == 1);
  CHECK(house.err.find("domains_map must be a hash: table") != std::string::npos);
}

TEST_CASE("a setting that decides otherwise about a new domain is named") {
  House house;
  CHECK(house.run({"add", "mail.example.test"}) == 0);
  CHECK(house.err.find("is in mydestination as well") != std::string::npos);
  CHECK(house.run({"add", "-o", "virtual_alias_domains=a.example", "a.example"}) == 0);
  CHECK(house.err.find("is in virtual_alias_domains as well") != std::string::npos);
  CHECK(house.run({"add", "-o", "virtual_mailbox_domains=x.example", "b.example"}) == 0);
  CHECK(house.err.find("add $domains_map to virtual_mailbox_domains") != std::string::npos);
}
