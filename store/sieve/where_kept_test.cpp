#include "store/sieve/where_kept.h"

#include <doctest/doctest.h>

#include "store/sieve/checker.h"

using namespace pennypost::store::sieve;

namespace {

WhereKept where_kept(const char* script) {
  auto compiled = compile(script);
  REQUIRE(compiled.script);
  WhereKept where;
  add_where_kept(*compiled.script, where);
  return where;
}

}  // namespace

TEST_CASE("a script that may refuse, discard or only send on a message keeps it perhaps nowhere") {
  for (const char* script : {"", "require \"vacation\"; vacation \"away\"; keep;",
                             "if false { stop; }", "require \"fileinto\"; fileinto \"A\";",
                             "require \"copy\"; redirect :copy \"a@b.test\";"}) {
    CAPTURE(script);
    CHECK(where_kept(script).is_certain);
  }
  for (const char* script : {"if false { keep; } else { discard; }", "redirect \"a@b.test\";",
                             "require \"reject\"; reject \"no\";",
                             "require \"ereject\"; if size :over 1M { ereject \"no\"; }",
                             "require \"include\"; include \"other\";"}) {
    CAPTURE(script);
    CHECK_FALSE(where_kept(script).is_certain);
  }
}

TEST_CASE(
    "the folders that a script names are known, and those that only a message names are not") {
  auto where = where_kept(
      "require [\"fileinto\", \"copy\"]; fileinto :copy \"A\"; if true { fileinto \"B.C\"; }");
  CHECK(where.folders == std::vector<std::string>{"A", "B.C"});
  CHECK_FALSE(where.is_anywhere);
  CHECK(where_kept("require [\"fileinto\", \"variables\"]; set \"x\" \"A\"; fileinto \"${x}\";")
            .is_anywhere);
  CHECK(where_kept("require [\"fileinto\", \"special-use\"]; fileinto :specialuse \"\\\\Junk\" "
                   "\"A\";")
            .is_anywhere);
}
