#include "common/base/explanation.h"

#include <doctest/doctest.h>

#include <thread>

using namespace pennypost;

namespace {

int made = 0;

void decide(const std::string& why) {
  Explanation::add([&] {
    ++made;
    return why;
  });
}

}  // namespace

TEST_CASE("what is decided is told to who listens, and costs no text where nobody does") {
  made = 0;
  decide("unheard");
  CHECK(made == 0);
  Explanation explanation;
  decide("one");
  decide("two");
  CHECK(explanation.take() == std::vector<std::string>{"one", "two"});
  CHECK(explanation.take().empty());
  std::thread([] { decide("elsewhere"); }).join();
  CHECK(explanation.take().empty());
}

TEST_CASE("the inner listener hears, then the outer again; and there is a limit") {
  Explanation outer;
  {
    Explanation inner;
    decide("inside");
    CHECK(inner.take() == std::vector<std::string>{"inside"});
  }
  decide("outside");
  CHECK(outer.take() == std::vector<std::string>{"outside"});
  for (std::size_t i = 0; i < explanation_reasons_max + 5; ++i) decide("more");
  CHECK(outer.take().size() == explanation_reasons_max);
}
