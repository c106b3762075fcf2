#include "smtpd/reports/evaluations.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::int64_t noon = 1'795'953'600;  // 2026-11-29 12:00 UTC
constexpr std::int64_t next_day = noon + 86'400;

KeptEvaluation evaluation(const std::string& domain = "example.org",
                          const std::string& address = "192.0.2.1") {
  KeptEvaluation made;
  made.policy = DmarcReportPolicy::of(domain, *DmarcRecord::parse("v=DMARC1; p=reject"));
  made.row.source_ip = address;
  made.row.disposition = "reject";
  made.row.header_from = "mail." + domain;
  made.row.envelope_from = "x y.test";
  made.row.reasons = {{"local_policy", "a=b/c d%\n"}};
  made.row.dkim = {{"d.test", "s", "fail"}, {"e.test", "", "none"}};
  made.row.spf = {{"x.test", "mfrom", "softfail"}};
  return made;
}

std::string text_of(const std::filesystem::path& path) {
  auto text = read_file(path.string(), 100 << 20);
  REQUIRE(text);
  return text->value_or("(no file)");
}

}  // namespace

TEST_CASE("an evaluation is read from its line as it was written") {
  auto one = evaluation();
  auto line = one.line();
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(
      line.starts_with("1 192.0.2.1 reject fail fail mail.example.org x%20y.test "
                       "policy=example.org/r/r/reject/reject/100/0 "));
  auto back = KeptEvaluation::parse(line.substr(0, line.size() - 1));
  REQUIRE(back);
  CHECK(back->row == one.row);
  CHECK(back->policy == one.policy);
}

TEST_CASE("a damaged line is no evaluation") {
  auto line = evaluation().line();
  line.pop_back();
  CHECK(KeptEvaluation::parse(line));
  for (const auto& wrong :
       {std::string(), std::string("1"), line.substr(0, 40), "x" + line, "0" + line.substr(1),
        line + " spf=a/b", line + " other=x", line + " word", line + " spf=a/b/%4",
        line.substr(0, line.find(" policy="))}) {
    CAPTURE(wrong);
    CHECK(!KeptEvaluation::parse(wrong));
  }
}

TEST_CASE("a day's rows are there for another process, by domain, once the day is over") {
  Scratch scratch;
  const auto directory = scratch / "dmarc";
  {
    Evaluations kept(directory);
    REQUIRE(kept.add(evaluation(), noon));
    REQUIRE(kept.add(evaluation(), noon));
    REQUIRE(kept.add(evaluation("example.net"), noon));
  }
  Evaluations kept(directory);
  CHECK(kept.closed(noon)->empty());
  REQUIRE(kept.add(evaluation("example.net", "192.0.2.2"), next_day));
  auto closed = kept.closed(next_day);
  REQUIRE(closed);
  REQUIRE(closed->size() == 2);
  CHECK((*closed)[0].domain == "example.net");
  CHECK((*closed)[1].domain == "example.org");
  CHECK((*closed)[1].day == "2026-11-29");
  auto report = kept.read((*closed)[1]);
  REQUIRE(report);
  REQUIRE(*report);
  CHECK((*report)->begin == noon - 43'200);
  CHECK((*report)->end == noon + 43'199);
  CHECK((*report)->policy.domain == "example.org");
  REQUIRE((*report)->rows.size() == 1);
  CHECK((*report)->rows[0].count == 2);
  REQUIRE(kept.drop((*closed)[1]));
  REQUIRE(kept.drop((*closed)[0]));
  CHECK(kept.closed(next_day)->empty());
  CHECK_FALSE(std::filesystem::exists(directory + "/2026-11-29"));
}

TEST_CASE("a line that a power cut has torn costs that line alone, and files are their owner's") {
  Scratch scratch;
  const auto path = scratch / "2026-11-29/example.org";
  {
    Evaluations kept(scratch.path().string());
    REQUIRE(kept.add(evaluation(), noon));
  }
  std::ofstream(path, std::ios::app) << "1 192.0.2.";
  Evaluations kept(scratch.path().string());
  REQUIRE(kept.add(evaluation(), noon));
  REQUIRE(kept.add(evaluation(), noon));
  auto report = kept.read({"2026-11-29", "example.org"});
  REQUIRE(report);
  REQUIRE(*report);
  CHECK((*report)->rows[0].count == 2);
  auto mode = std::filesystem::status(path).permissions();
  CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("what can't be the name of a file is refused") {
  Scratch scratch;
  Evaluations kept(scratch.path().string());
  for (const char* domain : {"", ".", "..", "../x", "a/b", "Example.org", ".new", "a b"}) {
    CAPTURE(domain);
    auto added = kept.add(evaluation(domain), noon);
    REQUIRE(!added);
    CHECK(added.error().code() == 501);
  }
  CHECK(std::filesystem::is_empty(scratch.path()));
}

TEST_CASE("a file that grows too large is made smaller by adding up what is the same") {
  Scratch scratch;
  const auto path = scratch / "2026-11-29/example.org";
  Evaluations kept(scratch.path().string());
  const auto lines = 2 * daily_file_bytes_max / evaluation().line().size();
  for (std::uint64_t i = 0; i < lines; ++i) REQUIRE(kept.add(evaluation(), noon));
  CHECK(std::filesystem::file_size(path) <= daily_file_bytes_max);
  auto report = kept.read({"2026-11-29", "example.org"});
  REQUIRE(report);
  REQUIRE((*report)->rows.size() == 1);
  CHECK((*report)->rows[0].count == lines);
}

TEST_CASE("a file that stays too large takes no more that day, and others do") {
  Scratch scratch;
  Evaluations kept(scratch.path().string());
  auto many = evaluation();
  many.row.reasons[0].comment = std::string(1000, 'x');
  Result<void> added;
  std::uint64_t count = 0;
  for (; added; ++count) {
    many.row.source_ip = std::to_string(count);
    added = kept.add(many, noon);
  }
  CHECK(added.error().code() == 452);
  CHECK(count > 1000);
  CHECK(std::filesystem::file_size(scratch / "2026-11-29/example.org") <= daily_file_bytes_max);
  CHECK(!kept.add(evaluation(), noon));
  CHECK(kept.add(evaluation("example.net"), noon));
  CHECK(kept.add(evaluation(), next_day));
}

TEST_CASE("the domains of a day are limited") {
  Scratch scratch;
  Evaluations kept(scratch.path().string());
  for (std::size_t i = 0; i < daily_domains_max; ++i) {
    REQUIRE(kept.add(evaluation("d" + std::to_string(i) + ".test"), noon));
  }
  auto added = kept.add(evaluation("one-more.test"), noon);
  REQUIRE(!added);
  CHECK(added.error().code() == 452);
  CHECK(kept.add(evaluation("d7.test"), noon));
}

TEST_CASE("all files together are limited, also those of other days") {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path() / "2026-11-28");
  std::ofstream(scratch / "2026-11-28/large.test").close();
  std::filesystem::resize_file(scratch / "2026-11-28/large.test", daily_bytes_max - 10);
  Evaluations kept(scratch.path().string());
  auto added = kept.add(evaluation(), noon);
  REQUIRE(!added);
  CHECK(added.error().code() == 452);
  REQUIRE(kept.drop({"2026-11-28", "large.test"}));
  CHECK(kept.add(evaluation(), noon));
  CHECK(text_of(scratch.path() / "2026-11-29/example.org") == evaluation().line());
}
