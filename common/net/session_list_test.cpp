#include "common/net/session_list.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

OpenSession session_of(std::string user, std::string client) {
  OpenSession session;
  session.service = "imap";
  session.user = std::move(user);
  session.client = std::move(client);
  return session;
}

std::size_t count(const SessionList& list, const std::vector<std::string>& words) {
  auto masks = SessionMasks::parse(words);
  REQUIRE(masks);
  return list.all(*masks).size();
}

}  // namespace

TEST_CASE("sessions are found by users and networks, which narrow each other down") {
  SessionList list;
  SessionList::Stay ann(list, session_of("ann@example.org", "192.0.2.1"), [] {});
  SessionList::Stay bob(list, session_of("Bob", "2001:db8::1"), [] {});
  SessionList::Stay also(list, session_of("ann@example.org", "192.0.2.9"), [] {});
  CHECK(count(list, {}) == 3);
  CHECK(count(list, {"ann@example.org"}) == 2);
  CHECK(count(list, {"*@example.org"}) == 2);
  CHECK(count(list, {"bob"}) == 1);
  CHECK(count(list, {"192.0.2.0/29"}) == 1);
  CHECK(count(list, {"ann*", "192.0.2.9"}) == 1);
  CHECK(count(list, {"ann*", "bob", "2001:db8::/32"}) == 1);
  CHECK(count(list, {"carol"}) == 0);
  CHECK_FALSE(SessionMasks::parse({"192.0.2.1/24"}));
  CHECK_FALSE(SessionMasks::parse({"192.0.2"}));
}

TEST_CASE("a session is ended once, and stays in the list until it leaves") {
  SessionList list;
  int ended = 0;
  auto all = SessionMasks::parse({});
  REQUIRE(all);
  {
    SessionList::Stay stay(list, session_of("ann", "192.0.2.1"), [&] { ++ended; });
    CHECK(list.end(*all) == 1);
    CHECK(list.end(*all) == 0);
    CHECK(list.all(*all).size() == 1);
  }
  CHECK(ended == 1);
  CHECK(list.size() == 0);
}
