#include "store/sieve/text_needed.h"

#include <doctest/doctest.h>

#include "store/sieve/checker.h"

using namespace pennypost::store::sieve;

TEST_CASE("a script that asks nothing of the body is run over the header alone") {
  struct Row {
    const char* script;
    bool is_enough;
  };
  for (const auto& row : {
           Row{"require \"fileinto\"; if header :contains \"subject\" \"x\" { fileinto \"A\"; }",
               true},
           Row{"require \"vacation\"; vacation \"away\";", true},
           Row{"if size :over 10K { discard; }", false},
           Row{"if not anyof (exists \"x\", size :under 1) { keep; }", false},
           Row{"if true { if size :over 1 { keep; } }", false},
           Row{"require \"body\"; if body :contains \"x\" { discard; }", false},
           Row{"require \"editheader\"; addheader \"X-A\" \"b\";", false},
           Row{"require \"include\"; include \"other\";", false},
       }) {
    CAPTURE(row.script);
    auto compiled = compile(row.script);
    REQUIRE(compiled.script);
    CHECK(needs_header_only(*compiled.script) == row.is_enough);
  }
}
