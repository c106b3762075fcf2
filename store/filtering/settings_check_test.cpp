#include "store/filtering/settings_check.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

std::vector<std::string> problems_of(std::vector<std::string> settings) {
  return sieve_problems(*config_for_test(std::move(settings)));
}

bool is_one(const std::vector<std::string>& problems, const std::string& part) {
  return problems.size() == 1 && problems[0].find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the usual settings of Sieve have nothing wrong") {
  CHECK(problems_of({}).empty());
  CHECK(problems_of(
            {"sieve_spamtest_status_header=X-Spam-Score: ([0-9.]+)", "sieve_spamtest_max_value=5"})
            .empty());
}

TEST_CASE("expressions and numbers of spamtest and virustest that are wrong are told by name") {
  CHECK(is_one(problems_of({"sieve_spamtest_status_header=X-Score: ([0-9"}),
               ": sieve_spamtest_status_header: "));
  CHECK(is_one(problems_of({"sieve_spamtest_max_value=many"}), ": sieve_spamtest_max_value: "));
  CHECK(is_one(problems_of({"sieve_virustest_max_header=X Y"}), ": sieve_virustest_max_header: "));
  CHECK(is_one(problems_of({"sieve_virustest_text_values=6=worse"}),
               ": sieve_virustest_text_values: "));
}

TEST_CASE("scripts of the host that are missing, or have mistakes, are told") {
  Scratch scratch;
  auto write = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(scratch / name).parent_path());
    std::ofstream(scratch / name) << text;
    return scratch / name;
  };
  auto right = write("right.sieve", "keep;\n");
  auto wrong = write("all/wrong.sieve", "kep;\n");
  write("all/right.sieve", "keep;\n");
  auto event = write("event.sieve", "require \"imapsieve\"; keep;\n");
  auto answering = write("answering.sieve", "require \"reject\"; reject \"no\";\n");
  CHECK(problems_of({"sieve_before=" + right, "sieve_default=" + right,
                     "imapsieve_scripts=Junk:copy=" + event})
            .empty());
  CHECK(is_one(problems_of({"sieve_before=" + (scratch / "all")}),
               wrong + ":1:1: there is no command"));
  CHECK(is_one(problems_of({"sieve_after=" + right + ".none"}),
               ": sieve_after: there is no script " + right + ".none"));
  CHECK(is_one(problems_of({"sieve_default=" + right + ".none"}), ": sieve_default: there is no"));
  // An event of IMAP has no sender who could be answered.
  CHECK(is_one(problems_of({"imapsieve_scripts=*=" + answering}), answering + ":1:"));
}
