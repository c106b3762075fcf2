#include "smtpd/delivery/wire_encoder.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

namespace {

std::string encode(std::string_view message, std::size_t line_bytes_max, std::size_t piece) {
  WireEncoder encoder(line_bytes_max);
  std::string out;
  for (; !message.empty(); message.remove_prefix(std::min(piece, message.size()))) {
    encoder.feed(message.substr(0, piece), out);
  }
  encoder.finish(out);
  return out;
}

}  // namespace

TEST_CASE("DATA carries CRLF, doubled dots and folded lines, however the message comes in pieces") {
  struct Case {
    const char* message;
    const char* wire;
  };
  for (const Case& row :
       {Case{"a\n\n.b\n..\n.", "a\r\n\r\n..b\r\n...\r\n..\r\n.\r\n"}, Case{"", ".\r\n"},
        Case{"a\r\nb", "a\r\nb\r\n.\r\n"}, Case{"a\rb\r\r\n", "a b \r\n.\r\n"},
        Case{"12345678\n", "12345678\r\n.\r\n"}, Case{"123456789\n", "12345678\r\n 9\r\n.\r\n"},
        Case{"1234567890123456\n", "12345678\r\n 9012345\r\n 6\r\n.\r\n"},
        Case{"12345678.\n", "12345678\r\n .\r\n.\r\n"}}) {
    for (std::size_t piece : {1u, 2u, 3u, 100u}) {
      CAPTURE(row.message);
      CAPTURE(piece);
      CHECK(encode(row.message, 8, piece) == row.wire);
    }
  }
  CHECK(encode("123\n", 1, 4) == "12\r\n 3\r\n.\r\n");
  CHECK(encode("123456789\n", 0, 4) == "123456789\r\n.\r\n");
}

TEST_CASE("no CR goes out but before LF, so that only the dot that we send ends a message") {
  for (const char* message : {"a\r\n\r.\r\nb\n", "a\r.\rb\n", "a\n.\r\rb\n", "\r.\n", "a\r",
                              "a\n\r\n.\r", "12345678\r.\r\n"}) {
    for (std::size_t piece : {1u, 2u, 3u, 100u}) {
      CAPTURE(message);
      CAPTURE(piece);
      auto wire = encode(message, 8, piece);
      for (std::size_t i = 0; i < wire.size(); ++i) {
        if (wire[i] == '\r') CHECK(wire.substr(i, 2) == "\r\n");
        if (wire[i] == '\n') CHECK(wire[i - 1] == '\r');
      }
      CHECK(wire.find("\r\n.\r\n") >= wire.size() - 5);
    }
  }
  WireEncoder as_it_is(0, WireEncoder::StrayCr::Keep);
  std::string out;
  as_it_is.feed("a\rb\n", out);
  CHECK(out == "a\rb\r\n");
}
