#include "common/mailauth/canonical.h"

#include <doctest/doctest.h>

#include <vector>

#include "common/crypto/random.h"

using namespace pennypost;

namespace {

/// Whether the body, in pieces of every size, has the hash of `expected`.
void check_body(Canonical form, std::string_view body, std::string_view expected) {
  for (std::size_t size = 1; size <= body.size() + 1; ++size) {
    BodyForms both;
    both.add(Canonical::Simple);
    both.add(Canonical::Relaxed);
    BodyHasher hasher(both);
    for (std::size_t at = 0; at < body.size(); at += size) hasher.feed(body.substr(at, size));
    hasher.finish();
    CAPTURE(body);
    CAPTURE(size);
    CHECK(hasher.hash(form) == sha256(expected));
  }
}

}  // namespace

TEST_CASE("a field in simple form keeps all but its line ends, which become CRLF") {
  auto field = [](std::string_view whole) { return canonical_field(Canonical::Simple, whole); };
  CHECK(field("A: X\r\n\t y  \r\n") == "A: X\r\n\t y  \r\n");
  CHECK(field("A : X\n y\n") == "A : X\r\n y\r\n");
  CHECK(field("A: x") == "A: x\r\n");
  CHECK(field("A: \xe9\xff\r\n") == "A: \xe9\xff\r\n");
}

TEST_CASE("a field in relaxed form is one line with a lower-case name and single blanks") {
  auto field = [](std::string_view whole) { return canonical_field(Canonical::Relaxed, whole); };
  CHECK(field("A: X\r\n") == "a:X\r\n");
  CHECK(field("SubJect \t:  Y\t\r\n\tZ  \r\n") == "subject:Y Z\r\n");
  CHECK(field("A:\r\n") == "a:\r\n");
  CHECK(field("A:   \r\n \t\r\n") == "a:\r\n");
  CHECK(field("A: :b\n c\n") == "a::b c\r\n");
  CHECK(field("A: x\ry\r\n") == "a:x\ry\r\n");
  CHECK(field("A: caf\xe9 \xff\r\n") == "a:caf\xe9 \xff\r\n");
}

TEST_CASE("a body in simple form loses its empty lines at the end and gets a line end") {
  check_body(Canonical::Simple, "", "\r\n");
  check_body(Canonical::Simple, "\r\n\r\n", "\r\n");
  check_body(Canonical::Simple, "a", "a\r\n");
  check_body(Canonical::Simple, "a\r\n", "a\r\n");
  check_body(Canonical::Simple, "a\r\n\r\n\r\n", "a\r\n");
  check_body(Canonical::Simple, "\r\n\r\na \t b\r\n\r\nc", "\r\n\r\na \t b\r\n\r\nc\r\n");
  check_body(Canonical::Simple, "a\r\n \r\n", "a\r\n \r\n");
  check_body(Canonical::Simple, "a\nb\n\n", "a\r\nb\r\n");
  check_body(Canonical::Simple, "a\rb\r\r\n\r", "a\rb\r\r\n\r\r\n");
}

TEST_CASE("a body in relaxed form has single blanks and none at the end of a line") {
  check_body(Canonical::Relaxed, "", "");
  check_body(Canonical::Relaxed, "\r\n \r\n\t", "");
  check_body(Canonical::Relaxed, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
  check_body(Canonical::Relaxed, "a  ", "a\r\n");
  check_body(Canonical::Relaxed, "\t\tb\n\n c", " b\r\n\r\n c\r\n");
  check_body(Canonical::Relaxed, "a \r b \r\n", "a \r b\r\n");
  check_body(Canonical::Relaxed, "a\r\n \t \r\nb", "a\r\n\r\nb\r\n");
}

TEST_CASE("a body of many empty lines or one long line is hashed like any other") {
  std::string empty_lines;
  for (int i = 0; i < 10'000; ++i) empty_lines += "\r\n";
  std::string long_line(100'000, 'x');
  BodyForms both;
  both.add(Canonical::Simple);
  both.add(Canonical::Relaxed);
  BodyHasher hasher(both);
  hasher.feed(empty_lines);
  hasher.feed(long_line);
  hasher.feed(empty_lines);
  hasher.finish();
  CHECK(hasher.hash(Canonical::Simple) == sha256(empty_lines + long_line + "\r\n"));
  CHECK(hasher.hash(Canonical::Relaxed) == hasher.hash(Canonical::Simple));
}
