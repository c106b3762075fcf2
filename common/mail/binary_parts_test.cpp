#include "common/mail/binary_parts.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

std::string octets(std::string_view text) { return std::string(text); }

}  // namespace

TEST_CASE("a binary part becomes base64, and its neighbours stay as they are") {
  using namespace std::string_view_literals;
  auto message = octets(
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
      "Content-Transfer-Encoding: binary\r\n\r\nlines\r\nalone\r\n--b\r\n"
      "content-transfer-encoding:\r\n BINARY\r\nContent-Type: image/x\r\n"
      "Content-Transfer-Encoding: binary\r\n\r\n\0\n\xff\r\n--b--\r\n"sv);
  auto encoded = encode_binary_parts(message);
  REQUIRE(encoded.has_value());
  CHECK(*encoded ==
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\nlines\r\nalone\r\n--b\r\n"
        "Content-Transfer-Encoding: base64\r\nContent-Type: image/x\r\n\r\n"
        "AAr/\r\n\r\n--b--\r\n");
}

TEST_CASE("octets that are no lines are refused where nothing says that they are binary") {
  using namespace std::string_view_literals;
  CHECK(encode_binary_parts("Subject: a\r\n\r\nx\r\n").has_value());
  CHECK_FALSE(encode_binary_parts("Subject: a\r\n\r\nx\0"sv).has_value());
  CHECK_FALSE(encode_binary_parts("Content-Transfer-Encoding: 8bit\r\n\r\nx\ny\r\n").has_value());
  CHECK_FALSE(
      encode_binary_parts("A: b\nContent-Transfer-Encoding: binary\r\n\r\nx\0"sv).has_value());
}

TEST_CASE("lines of base64 have 76 octets") {
  auto text = base64_lines(std::string(60, 'a'));
  CHECK(text.size() == 76 + 2 + 4 + 2);
  CHECK(text.substr(76, 2) == "\r\n");
  CHECK(base64_lines("ab", "\n") == "YWI=\n");
  CHECK(base64_lines("").empty());
}
