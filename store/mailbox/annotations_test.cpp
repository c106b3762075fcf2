#include "store/mailbox/annotations.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "store/mailbox/file.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct TestFile {
  TestFile() {
    char name[] = "/tmp/annotations-test-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory = name;
  }
  ~TestFile() { std::filesystem::remove_all(directory); }
  std::string path() const { return directory + "/pennypost-meta"; }
  AnnotationFile file() const { return {path(), 50, false}; }
  std::string directory;
};

}  // namespace

TEST_CASE("annotations of any octets come back as they were set, and go when they are unset") {
  TestFile test;
  std::string odd("a\tb\nc\\n\0\r\n\xff", 10);
  AnnotationChanges set{{"/private/comment", odd}, {"/shared/comment", ""}};
  auto changed = test.file().change(set, 10);
  REQUIRE(changed.has_value());
  CHECK(changed->size() == 2);
  auto found = test.file().read();
  REQUIRE(found.has_value());
  CHECK(found->at("/private/comment") == odd);
  CHECK(found->at("/shared/comment").empty());
  // What is the same already is no change.
  CHECK(test.file().change(set, 10)->empty());
  AnnotationChanges unset{{"/private/comment", std::nullopt}, {"/shared/comment", std::nullopt}};
  CHECK(test.file().change(unset, 10)->size() == 2);
  CHECK(!std::filesystem::exists(test.path()));
}

TEST_CASE("annotations beyond the limit are refused, and then none is set") {
  TestFile test;
  REQUIRE(test.file().change({{"/private/a", "1"}}, 2).has_value());
  auto refused = test.file().change({{"/private/b", "2"}, {"/private/c", "3"}}, 2);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().response_code() == ResponseCode::Limit);
  CHECK(test.file().read()->size() == 1);
  // One for another fits.
  CHECK(test.file().change({{"/private/a", std::nullopt}, {"/private/b", "2"}}, 1).has_value());
}

TEST_CASE("a damaged file of annotations is told of, and not overwritten") {
  for (const char* text :
       {"", "pennypost-meta 2\n", "pennypost-meta 1\n/a\n", "pennypost-meta 1\n/a\tx\\",
        "pennypost-meta 1\n/a\t\\q\n", "pennypost-meta 1\na\tb\n", "pennypost-meta 1\n/a\tcut"}) {
    CAPTURE(text);
    TestFile test;
    std::ofstream(test.path()) << text;
    auto found = test.file().read();
    REQUIRE(!found.has_value());
    CHECK(found.error().response_code() == ResponseCode::Corruption);
    CHECK(!test.file().change({{"/private/a", "1"}}, 2).has_value());
    CHECK(*read_file(test.path(), 100) == text);
  }
}
