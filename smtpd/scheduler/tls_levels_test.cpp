#include "smtpd/scheduler/tls_levels.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

namespace {

constexpr std::int64_t day = 86'400;
constexpr std::int64_t begin = 1'764'460'800;
constexpr std::size_t many = 100;

NoteTls session(TlsWorth worth, std::string next_hop = "example.org") {
  NoteTls note;
  note.next_hop = std::move(next_hop);
  note.target = "mx.example.org[192.0.2.1]:25";
  note.worth = worth;
  return note;
}

}  // namespace

TEST_CASE(
    "a next hop whose TLS gets worse is warned of once a day, and one that gets better never") {
  TlsLevels levels;
  CHECK_FALSE(levels.note(session(TlsWorth::Untrusted), begin, many));
  CHECK_FALSE(levels.note(session(TlsWorth::Verified), begin + 1, many));
  CHECK_FALSE(levels.note(session(TlsWorth::Verified), begin + 2, many));
  auto warning = levels.note(session(TlsWorth::Untrusted), begin + 3, many);
  REQUIRE(warning);
  CHECK(*warning ==
        "mail for example.org goes to mx.example.org[192.0.2.1]:25 with a TLS certificate that is "
        "untrusted, earlier it went with a TLS certificate that is verified");
  CHECK_FALSE(levels.note(session(TlsWorth::Plain), begin + 4, many));
  auto next_day = levels.note(session(TlsWorth::Plain), begin + 3 + day, many);
  REQUIRE(next_day);
  CHECK(next_day->find(" without TLS, earlier") != std::string::npos);
}

TEST_CASE("a best level that has not been seen for a quarter of a year counts no more") {
  TlsLevels levels;
  CHECK_FALSE(levels.note(session(TlsWorth::Verified), begin, many));
  auto later = begin + TlsLevels::levels_lifetime.count();
  CHECK(levels.note(session(TlsWorth::Trusted), later - 1, many));
  CHECK_FALSE(levels.note(session(TlsWorth::Trusted), later + day, many));
  CHECK_FALSE(levels.note(session(TlsWorth::Trusted), later + 2 * day, many));
  CHECK(levels.note(session(TlsWorth::Untrusted), later + 2 * day + 1, many));
}

TEST_CASE("best levels and warnings outlive a restart, and malformed lines are skipped") {
  TlsLevels levels;
  CHECK_FALSE(levels.is_changed());
  levels.note(session(TlsWorth::Verified), begin, many);
  levels.note(session(TlsWorth::Plain), begin + 1, many);
  CHECK(levels.is_changed());
  TlsLevels again;
  again.take_text("nonsense\nx Best 1 1\ny Trusted a 0\n\n" + levels.text(), many);
  CHECK(again.size() == 1);
  CHECK(again.text() == levels.text());
  CHECK_FALSE(again.note(session(TlsWorth::Plain), begin + 2, many));
  CHECK(again.note(session(TlsWorth::Plain), begin + 2 + day, many));
}

TEST_CASE("no more next hops are remembered than the limit says, and none that never had TLS") {
  TlsLevels levels;
  levels.note(session(TlsWorth::Plain, "plain.example"), begin, 2);
  CHECK(levels.size() == 0);
  levels.note(session(TlsWorth::Trusted, "a.example"), begin, 2);
  levels.note(session(TlsWorth::Trusted, "b.example"), begin + 1, 2);
  levels.note(session(TlsWorth::Trusted, "c.example"), begin + 2, 2);
  CHECK(levels.size() == 2);
  CHECK(levels.text().find("a.example") == std::string::npos);
  levels.note(session(TlsWorth::Trusted, "d.example"), begin, 0);
  CHECK(levels.size() == 2);
}
