#include "smtpd/commands/message_keys.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

namespace {

std::string keys(std::string_view text, smtp::MessageKeys wanted,
                 std::size_t field_bytes_max = 1000) {
  std::string found;
  auto done = smtp::each_key_of_message(text, wanted, field_bytes_max,
                                        [&](std::string_view key) -> Result<void> {
                                          found += "[" + std::string(key) + "]";
                                          return {};
                                        });
  CHECK(done);
  return found;
}

constexpr smtp::MessageKeys header{.header = true};
constexpr smtp::MessageKeys body{.body = true};

}  // namespace

TEST_CASE("the keys of a header are its fields with their folds, up to the first other line") {
  CHECK(keys("A: b\n c\nD: e\n\nF: g\n", header) == "[A: b\n c][D: e]");
  CHECK(keys("A: b\nno field\nD: e\n", header) == "[A: b]");
  CHECK(keys(" A: b\n", header).empty());
  CHECK(keys("A: b", header) == "[A: b]");
  CHECK(keys("A: bcdef\n", header, 4) == "[A: b]");
}

TEST_CASE("the keys of a body are its lines, with the empty one before it, which may be missing") {
  CHECK(keys("A: b\n\none\n\ntwo", body) == "[][one][][two]");
  CHECK(keys("A: b\none\n", body) == "[][one]");
  CHECK(keys("A: b\n", body).empty());
  CHECK(keys("\none\n", body) == "[][one]");
}

TEST_CASE("with MIME the fields of parts and attached messages are keys of the header") {
  std::string_view message =
      "Content-Type: multipart/mixed; boundary=b\n\nbefore\n--b\nX: 1\n\none\n--b\n"
      "Content-Type: message/rfc822\n\nSubject: two\n\ninner\n--b--\n";
  CHECK(keys(message, {.header = true, .mime = true}) ==
        "[Content-Type: multipart/mixed; boundary=b][X: 1][Content-Type: message/rfc822]"
        "[Subject: two]");
  CHECK(keys(message, {.body = true, .mime = true}) ==
        "[][before][--b][][one][--b][][][inner][--b--]");
  CHECK(keys(message, {.body = true}).find("[X: 1]") != std::string::npos);
}

TEST_CASE("the search of a message's keys ends with the first Error") {
  int calls = 0;
  auto done = smtp::each_key_of_message("A: b\nC: d\n", header, 1000, [&](std::string_view) {
    ++calls;
    return Result<void>(Error::temporary("not now"));
  });
  CHECK_FALSE(done);
  CHECK(calls == 1);
}
