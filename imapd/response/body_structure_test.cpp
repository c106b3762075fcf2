#include "imapd/response/body_structure.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

namespace {

const std::string plain = "Subject: x\r\n\r\nhello\r\nworld\r\n";
const std::string mixed =
    "From: a@b\r\nContent-Type: multipart/mixed; boundary=XX\r\n\r\npreamble\r\n"
    "--XX\r\nContent-Type: TEXT/HTML; Charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-ID: <1@x>\r\nContent-Disposition: inline; filename=\"a b\"\r\nContent-Language: de, "
    "en\r\n\r\nAAAA\r\n"
    "--XX\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nin\r\n"
    "--XX--\r\n";

// The octets that `BODY[section]` names, `NIL` for none.
std::string part(const std::string& message, std::vector<std::uint32_t> path, Section::Text text) {
  Section section;
  section.part = std::move(path);
  section.text = text;
  auto found = locate(structure_of(message), section);
  return found ? message.substr(found->offset, found->octets) : "NIL";
}

}  // namespace

TEST_CASE("a message without MIME fields is plain text") {
  auto structure = structure_of(plain);
  CHECK(structure.body == "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 2)");
  CHECK(structure.body_structure ==
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 2 NIL NIL NIL NIL)");
}

TEST_CASE("a multipart shows its parts, an attached message its envelope and body") {
  auto structure = structure_of(mixed);
  CHECK(structure.body_structure ==
        "((\"text\" \"html\" (\"charset\" \"utf-8\") \"<1@x>\" NIL \"base64\" 4 0 NIL "
        "(\"inline\" (\"filename\" \"a b\")) (\"de\" \"en\") NIL)"
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 20 "
        "(NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) "
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0 NIL NIL NIL NIL) 2 "
        "NIL NIL NIL NIL)"
        " \"mixed\" (\"boundary\" \"XX\") NIL NIL NIL)");
  CHECK(structure.body.ends_with(" \"mixed\")"));
}

TEST_CASE("a message/global is told with its envelope, and as octets where an encoding hides it") {
  const std::string global = "Content-Type: message/global; x=y\r\n";
  CHECK(structure_of(global + "\r\nSubject: i\r\n\r\n").body ==
        "(\"message\" \"global\" (\"x\" \"y\") NIL NIL \"7bit\" 14 "
        "(NIL \"i\" NIL NIL NIL NIL NIL NIL NIL NIL) "
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) 2)");
  CHECK(structure_of(global + "Content-Transfer-Encoding: base64\r\n\r\nAAAA").body ==
        "(\"application\" \"octet-stream\" (\"x\" \"y\") NIL NIL \"base64\" 4)");
}

TEST_CASE("sections name octets by part number") {
  using Text = Section::Text;
  CHECK(part(plain, {}, Text::Whole) == plain);
  CHECK(part(plain, {}, Text::Header) == "Subject: x\r\n\r\n");
  CHECK(part(plain, {}, Text::Text) == "hello\r\nworld\r\n");
  CHECK(part(plain, {1}, Text::Whole) == "hello\r\nworld\r\n");
  CHECK(part(plain, {2}, Text::Whole) == "NIL");
  CHECK(part(plain, {1, 1}, Text::Whole) == "NIL");
  CHECK(part(plain, {1}, Text::Header) == "NIL");
  CHECK(part(mixed, {1}, Text::Whole) == "AAAA");
  CHECK(part(mixed, {1}, Text::Mime).starts_with("Content-Type: TEXT/HTML"));
  CHECK(part(mixed, {2}, Text::Header) == "Subject: inner\r\n\r\n");
  CHECK(part(mixed, {2}, Text::Text) == "in");
  CHECK(part(mixed, {2, 1}, Text::Whole) == "in");
  CHECK(part(mixed, {2}, Text::Whole) == "Subject: inner\r\n\r\nin");
  CHECK(part(mixed, {3}, Text::Whole) == "NIL");
}

TEST_CASE("the size that the structure gives for a part is that of its section") {
  using Text = Section::Text;
  std::string no_boundary = "Content-Type: multipart/mixed; a=b\r\n\r\n0123456789abcd";
  CHECK(structure_of(no_boundary).body ==
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 0)");
  CHECK(part(no_boundary, {1}, Text::Whole) == "0123456789abcd");
  std::string no_part = "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n";
  CHECK(structure_of(no_part).body ==
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")");
  CHECK(part(no_part, {1}, Text::Whole).empty());
}

TEST_CASE(
    "a message or multipart beyond the limits of nesting and number is described as plain octets") {
  for (bool is_message : {true, false}) {
    auto header = [&](std::size_t level) -> std::string {
      if (is_message) return "Content-Type: message/rfc822\r\n\r\n";
      auto mark = "b" + std::to_string(100 + level) + "\r\n";
      return "Content-Type: multipart/x; boundary=" + mark + "\r\n--" + mark;
    };
    std::string inner = "Subject: s\r\n\r\nend\r\n";
    if (!is_message) inner.insert(0, "--b200\r\n");
    std::string message;
    for (std::size_t i = 0; i < pennypost::mime_nesting_max; ++i) message += header(i);
    message += is_message ? header(100) : "Content-Type: multipart/x; boundary=b200\r\n\r\n";
    auto structure = structure_of(message + inner);
    std::string parameters = is_message ? "NIL" : "(\"boundary\" \"b200\")";
    auto opaque = "(\"application\" \"octet-stream\" " + parameters + " NIL NIL \"7bit\" " +
                  std::to_string(inner.size()) + " NIL NIL NIL NIL)";
    CAPTURE(structure.body_structure);
    CHECK(structure.body_structure.find(opaque) != std::string::npos);
    CHECK(decode_structure(encode(structure)).has_value());
  }
  std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (std::size_t i = 0; i < pennypost::mime_parts_max + 1; ++i) {
    wide += "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n";
  }
  auto structure = structure_of(wide);
  CHECK(structure.body.find("(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 15)") !=
        std::string::npos);
  CHECK(structure.body.find("\"rfc822\" NIL NIL NIL \"7bit\" 15)") == std::string::npos);
  CHECK(decode_structure(encode(structure)).has_value());
}

TEST_CASE("an encoded structure is decoded to the same, and no other text is taken for one") {
  auto structure = structure_of(mixed);
  auto text = encode(structure);
  auto again = decode_structure(text);
  REQUIRE(again.has_value());
  CHECK(again->body == structure.body);
  CHECK(again->body_structure == structure.body_structure);
  CHECK(encode(*again) == text);
  for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(decode_structure(text.substr(0, n)));
  CHECK_FALSE(decode_structure("s2 0 0 2 0 0 0 0 99999999999 "));
}
