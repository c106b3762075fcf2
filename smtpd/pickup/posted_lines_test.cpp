#include "smtpd/pickup/posted_lines.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

namespace {

std::string cleaned(std::string_view message, std::size_t piece, bool replaces = true) {
  PostedLines lines(replaces);
  std::string out;
  for (; !message.empty(); message.remove_prefix(std::min(piece, message.size()))) {
    out += lines.clean(message.substr(0, piece));
  }
  out += lines.finish();
  return out;
}

}  // namespace

TEST_CASE("a posted message has LF line ends and no CR, however it comes in pieces") {
  struct Row {
    const char* in;
    const char* out;
  };
  for (const auto& row :
       {Row{"a\nb\n", "a\nb\n"}, Row{"a\r\nb\r\n", "a\nb\n"}, Row{"a\r.\r\nb", "a .\nb"},
        Row{"a\r\n\r.\r\nb\n", "a\n .\nb\n"}, Row{"a\n.\r\n", "a\n.\n"}, Row{"a\r\r\nb", "a \nb"},
        Row{"\r", " "}, Row{"a\r\r", "a  "}, Row{"", ""}}) {
    for (std::size_t piece : {1u, 2u, 3u, 100u}) {
      CAPTURE(row.in);
      CAPTURE(piece);
      CHECK(cleaned(row.in, piece) == row.out);
      CHECK(cleaned(row.in, piece, false) == row.in);
    }
  }
}
