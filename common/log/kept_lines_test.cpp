#include "common/log/kept_lines.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

using namespace pennypost;

namespace {

std::string tell(std::size_t count) { return "lost " + std::to_string(count); }

// What drain() writes where there is room for `bytes_max`.
std::string drained(KeptLines& kept, std::size_t bytes_max = 1 << 20) {
  std::string out;
  kept.drain(
      [&](std::string& line) {
        auto taken = std::min(line.size(), bytes_max - out.size());
        out += line.substr(0, taken);
        bool is_whole = taken == line.size();
        line.erase(0, taken);
        return is_whole;
      },
      tell);
  return out;
}

}  // namespace

TEST_CASE("lines wait in their order, and one that is written in part goes on where it stood") {
  KeptLines kept;
  kept.add("one\n");
  kept.add("two\n");
  CHECK(drained(kept, 6) == "one\ntw");
  CHECK(kept.any());
  kept.add("three\n");
  CHECK(drained(kept) == "o\nthree\n");
  CHECK_FALSE(kept.any());
}

TEST_CASE("lines beyond the limit are counted, and the count stands where they are missing") {
  KeptLines kept;
  std::string line(1000, 'x');
  line += '\n';
  std::size_t count = 3 * log_kept_bytes_max / line.size();
  for (std::size_t i = 0; i < count; ++i) kept.add(line);
  kept.add("a\nb\n");
  auto out = drained(kept);
  auto written = log_kept_bytes_max / line.size();
  CHECK(out.size() < log_kept_bytes_max + 20);
  CHECK(out.ends_with("lost " + std::to_string(count - written + 2)));
  CHECK(kept.lost() == 0);
  kept.add("after\n");
  CHECK(drained(kept) == "after\n");
}

TEST_CASE("a child does not write the lines of its parent again") {
  KeptLines kept;
  kept.add("the parent's");
  pid_t child = ::fork();
  if (child == 0) {
    kept.add("the child's");
    ::_exit(drained(kept) == "the child's" ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(drained(kept) == "the parent's");
}
