#include "store/filtering/message_text.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <fstream>

#include "common/base/file.h"
#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("of a large message in a file the header is read without the rest, or all of it") {
  Scratch scratch;
  std::string queued = "From: ann@far.test\nSubject: x\n\n";
  while (queued.size() < 2 * large_message_bytes) queued += "a line of the body\n";
  std::ofstream(scratch / "body") << queued;
  auto file = open_file(scratch / "body", O_RDONLY | O_CLOEXEC);
  REQUIRE(file);
  FileRange range;
  range.descriptor = file->number();
  range.length = queued.size();
  std::string trace = "Received: by here.test\n";
  Pieces pieces{std::string_view(trace), range};
  MessageText text(pieces);
  auto header = text.header();
  REQUIRE(header);
  CHECK(header->starts_with(trace + "From: ann@far.test\nSubject: x\n\n"));
  CHECK(header->size() < queued.size() / 10);
  auto whole = text.whole();
  REQUIRE(whole);
  CHECK(*whole == trace + queued);
}

TEST_CASE("a message whose file was cut short is no short message") {
  Scratch scratch;
  std::ofstream(scratch / "body") << "From: ann@far.test\n";
  auto file = open_file(scratch / "body", O_RDONLY | O_CLOEXEC);
  REQUIRE(file);
  FileRange range;
  range.descriptor = file->number();
  range.length = 100;
  Pieces pieces{range};
  CHECK_FALSE(MessageText(pieces).header());
  CHECK_FALSE(MessageText(pieces).whole());
}
