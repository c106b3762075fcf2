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

TEST_CASE("a visitor has private annotations of their own, and the shared ones of the owner") {
  TestFile test;
  REQUIRE(test.file().change({{"/private/a", "owner's"}, {"/shared/a", "all"}}, 9).has_value());
  AnnotationFile::Visit visit;
  visit.private_path = test.directory + "/visitor";
  int told = 0;
  visit.told_private = [&] { ++told; };
  auto visited = test.file().as_visited(visit);
  CHECK(*visited.read() == Annotations{{"/shared/a", "all"}});
  CHECK(visited.change({{"/private/a", "mine"}, {"/shared/a", "ours"}}, 9)->size() == 2);
  CHECK(told == 1);
  CHECK(*visited.read() == Annotations{{"/private/a", "mine"}, {"/shared/a", "ours"}});
  CHECK(*test.file().read() == Annotations{{"/private/a", "owner's"}, {"/shared/a", "ours"}});
  CHECK(visited.change({{"/shared/b", "more"}}, 9)->size() == 1);
  CHECK(told == 1);

  visit.refusal = Error(550, ResponseCode::NoPerm, "not yours");
  visited = test.file().as_visited(visit);
  auto refused = visited.change({{"/private/b", "x"}, {"/shared/b", "y"}}, 9);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().response_code() == ResponseCode::NoPerm);
  CHECK(!visited.read()->contains("/private/b"));
  CHECK(visited.change({{"/private/b", "x"}}, 9).has_value());
}

TEST_CASE("if a visitor's own annotations can't be kept, the shared ones are as before") {
  TestFile test;
  REQUIRE(test.file().change({{"/shared/a", "old"}}, 9).has_value());
  AnnotationFile::Visit visit;
  visit.private_path = test.directory + "/nowhere/visitor";
  auto visited = test.file().as_visited(visit);
  CHECK(!visited.change({{"/private/a", "x"}, {"/shared/a", "new"}, {"/shared/b", "y"}}, 9)
             .has_value());
  CHECK(*test.file().read() == Annotations{{"/shared/a", "old"}});
}
