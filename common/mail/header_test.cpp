#include "common/mail/header.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "common/base/text.h"

using namespace pennypost;

namespace {

/// `name=value|name=value` of all fields.
std::string listed(std::string_view text) {
  std::string out;
  for (const auto& field : HeaderFields(text)) {
    if (!out.empty()) out += '|';
    out += std::string(field.name) + "=" + field.value();
  }
  return out;
}

}  // namespace

TEST_CASE("fields are found whatever the line ends, up to the empty line") {
  struct Row {
    const char* text;
    const char* fields;
    std::size_t bytes;
  };
  const Row rows[] = {
      {"A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "A=1|B=2", 14},
      {"A: 1\nB: 2\n\nC: 3\n", "A=1|B=2", 11},
      {"A: 1\r\nB: 2\n\r\nC: 3\n", "A=1|B=2", 13},
      {"A: 1\n\tx\n y\nB:2", "A=1\tx y|B=2", 14},
      {"A: 1\r\n x\r\n\r\n", "A=1 x", 12},
      {"A : 1\n\n", "A=1", 7},
      {"A:\n\n", "A=", 4},
      {"junk\nA: 1\n", "=junk|A=1", 10},
      {" x\nA: 1\n", "=x|A=1", 8},
      {"From ann@b.example Mon\nA: 1\n", "=From ann@b.example Mon|A=1", 28},
      {"", "", 0},
      {"\n", "", 1},
      {"\r\nA: 1\n", "", 2},
      {"A: 1", "A=1", 4},
      {"A: 1\r", "A=1", 5},
      {"A: caf\xc3\xa9\n", "A=caf\xc3\xa9", 9},
      {"A\xc3: 1\n", "=A\xc3: 1", 6},
      {": 1\n", "=: 1", 4},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(listed(row.text) == row.fields);
    CHECK(header_bytes(row.text) == row.bytes);
  }
}

TEST_CASE("names are found without case, the first or all of them") {
  HeaderFields fields("To: a\nCC: b\nto: c\n\n");
  CHECK(fields.value("TO") == "a");
  CHECK(fields.find_all("To").size() == 2);
  CHECK(fields.has("Cc"));
  CHECK_FALSE(fields.value("Bcc").has_value());
}

TEST_CASE("a field is folded at blanks before column 78, and split only at 998") {
  CHECK(make_field("Subject", "hello  world") == "Subject: hello  world\r\n");
  CHECK(make_field("Subject", "", "\n") == "Subject:\n");
  CHECK(make_field("X", "a\r\n b\n\tc", "\n") == "X: a b\tc\n");
  for (std::size_t word : {1u, 7u, 60u, 76u, 77u, 78u, 500u, 997u, 998u, 2500u}) {
    CAPTURE(word);
    std::string body;
    for (int i = 0; i < 30; ++i) body += (i ? " " : "") + std::string(word, 'x');
    auto field = make_field("Subject", body, "\n");
    CHECK(field.ends_with('\n'));
    auto lines = split(std::string_view(field).substr(0, field.size() - 1), '\n');
    for (auto line : lines) {
      CHECK(line.size() <=
            std::max<std::size_t>(fold_line_bytes, std::min(word + 10, header_line_bytes_max)));
      CHECK_FALSE(trim(line).empty());
    }
    if (word < 900) CHECK(HeaderFields(field).value("Subject") == body);
  }
  CHECK(make_field("X", "a" + std::string(2000, ' ') + "b") == "X: a b\r\n");
  std::string wide;
  for (int i = 0; i < 700; ++i) wide += "\xc3\xa9";
  auto field = make_field("X", wide, "\n");
  for (auto line : split(field, '\n')) CHECK(line.size() <= header_line_bytes_max);
  CHECK(field.find("\xc3\n") == std::string::npos);
}

TEST_CASE("blind copies go, the rest stays") {
  std::string message = "To: a\nBcc: b,\n c\nStatus: RO\nx-uid: 5\n\nBcc: in the body\n";
  CHECK(edited(message, change_fields(message, blind_copy_fields())) ==
        "To: a\nStatus: RO\nx-uid: 5\n\nBcc: in the body\n");
  CHECK(edited(message, change_fields(message, {{"Status", "X-Original-Status"}})) ==
        "To: a\nBcc: b,\n c\nX-Original-Status: RO\nx-uid: 5\n\nBcc: in the body\n");
}

TEST_CASE("edits of an edited text are edits of the text itself") {
  struct Row {
    const char* what;
    std::vector<Edit> first;
    std::vector<Edit> second;
  };
  const std::string text = "0123456789";
  for (const auto& row :
       {Row{"an insertion before one", {{0, 0, "ab"}}, {{0, 0, "c"}}},
        Row{"an insertion into one", {{3, 0, "abcd"}}, {{5, 0, "X"}}},
        Row{"an insertion behind one", {{3, 0, "ab"}}, {{5, 0, "X"}}},
        Row{"what was put in goes", {{3, 2, "abc"}}, {{3, 3, ""}}},
        Row{"half of what was put in goes", {{3, 2, "abcd"}}, {{4, 2, "X"}}},
        Row{"from within one into the text", {{3, 0, "abcd"}}, {{5, 4, ""}}},
        Row{"from the text over one", {{3, 0, "ab"}, {6, 1, "c"}}, {{1, 7, "X"}}},
        Row{"all goes", {{2, 2, "abc"}}, {{0, 11, ""}}},
        Row{"the end goes", {{8, 2, ""}}, {{7, 1, "X"}}},
        Row{"behind the end", {{0, 1, ""}}, {{9, 0, "X"}}},
        Row{"several", {{1, 1, "a"}, {5, 0, "bb"}, {10, 0, "c"}}, {{0, 1, ""}, {6, 3, "Y"}}},
        Row{"nothing first", {}, {{4, 1, "X"}}}, Row{"nothing then", {{4, 1, "X"}}, {}}}) {
    CAPTURE(row.what);
    CHECK(edited(text, composed(row.first, row.second)) ==
          edited(edited(text, row.first), row.second));
  }
}

TEST_CASE("edits are pieces of the text and of what is inserted") {
  CHECK(edited("abc", {}) == "abc");
  CHECK(edited("abc", {{0, 0, "x"}, {1, 1, "y"}, {3, 0, "z"}}) == "xaycz");
  CHECK(edited_pieces("abc", {{0, 3, ""}}).empty());
}
