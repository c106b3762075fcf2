#include "common/mail/mime.h"

#include <doctest/doctest.h>

#include <algorithm>

#include <string>

#include "common/base/text.h"

using namespace pennypost;

namespace {

std::string with_crlf(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

/// `type/subtype[body text](children)`.
std::string shown(std::string_view message, const MimePart& part) {
  std::string out = part.type + "/" + part.subtype;
  if (part.kind == MimePart::Kind::Leaf) {
    out += "[" + std::string(message.substr(part.body.offset, part.body.bytes)) + "]";
  } else {
    out += part.kind == MimePart::Kind::Message ? "<" : "(";
    for (const auto& child : part.children)
      out += (&child == &part.children[0] ? "" : " ") + shown(message, child);
    out += part.kind == MimePart::Kind::Message ? ">" : ")";
  }
  return out;
}

/// Sizes must agree with a plain count over the same bytes, in both notations.
void check_extents(std::string_view message, const MimePart& part) {
  for (const auto& extent : {part.header, part.body}) {
    REQUIRE(extent.offset + extent.bytes <= message.size());
    auto text = message.substr(extent.offset, extent.bytes);
    CHECK(extent.octets == crlf_octets(text));
    CHECK(extent.lines == static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
  }
  CHECK(part.header.offset + part.header.bytes == part.body.offset);
  for (const auto& child : part.children) {
    check_extents(message, child);
    CHECK(child.body.offset + child.body.bytes <= part.body.offset + part.body.bytes);
  }
}

}  // namespace

TEST_CASE("messages are taken apart into their tree") {
  struct Row {
    const char* message;
    const char* tree;
  };
  const Row rows[] = {
      {"A: 1\n\nbody\n", "text/plain[body\n]"},
      {"", "text/plain[]"},
      {"A: 1\n", "text/plain[]"},
      {"\nbody", "text/plain[body]"},
      {"Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\nContent-Type: "
       "a/b\n\ntwo\n\n--b--\nepilogue\n",
       "multipart/mixed(text/plain[one] a/b[two\n])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n",
       "multipart/mixed(text/plain[one\n])"},
      {"Content-Type: multipart/mixed; boundary=b\n\nno part\n", "multipart/mixed(text/plain[])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "multipart/mixed(text/plain[])"},
      {"Content-Type: multipart/mixed\n\n--b\n\none\n", "text/plain[--b\n\none\n]"},
      {"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n", "text/plain[--\n\none\n]"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b\n\n\n--b--\n",
       "multipart/mixed(text/plain[] text/plain[] text/plain[])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b\n--b\n\nx\n--b--",
       "multipart/mixed(a/b[] text/plain[x])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b trailing\n\nx\n--bx\n\ny\n--b--x\nz",
       "multipart/mixed(text/plain[x] text/plain[y])"},
      {"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; "
       "boundary=i\n\n"
       "--i\n\none\n--o\n\ntwo\n--o--\n",
       "multipart/mixed(multipart/alternative(text/plain[one]) text/plain[two])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; "
       "boundary=bb\n\n"
       "--bb\n\none\n--bb--\nepi\n--b\n\ntwo\n--b--\n",
       "multipart/mixed(multipart/alternative(text/plain[one]) text/plain[two])"},
      {"Content-Type: message/rfc822\n\nSubject: in\n\nbody\n",
       "message/rfc822<text/plain[body\n]>"},
      {"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: "
       "in\n\nbody\n--b\nContent-Type: text/x\n\ny\n--b--\n",
       "multipart/digest(message/rfc822<text/plain[body]> text/x[y])"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
       "Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n\n--b--\n",
       "multipart/mixed(message/rfc822<multipart/mixed(text/plain[x])>)"},
      {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nA: "
       "1\n\n--b--\n",
       "multipart/mixed(message/rfc822<text/plain[]>)"},
      {"Content-Type: message/global\nContent-Transfer-Encoding: base64\n\neA==\n",
       "message/global[eA==\n]"},
      {"Content-Type: nonsense\nContent-Type: a/b\n\n", "a/b[]"},
      {"Content-Type: text/\n\n", "text/plain[]"},
      {"Content-Type: Text / HTML ; x=y\n\n", "Text/HTML[]"},
      {"junk\nContent-Type: a/b\n\nx", "a/b[x]"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    auto tree = parse_mime(row.message);
    CHECK(shown(row.message, tree) == row.tree);
    check_extents(row.message, tree);
    // The same message with CRLF has the same tree, and the octets that were counted before.
    auto crlf = with_crlf(row.message);
    auto crlf_tree = parse_mime(crlf);
    check_extents(crlf, crlf_tree);
    CHECK(shown(crlf, crlf_tree) == with_crlf(row.tree));
    CHECK(crlf_tree.octets() == crlf.size());
    CHECK(tree.octets() == crlf.size());
    CHECK(tree.body.octets == crlf_tree.body.bytes);
  }
}

TEST_CASE("a part's fields are what BODYSTRUCTURE needs") {
  auto part = parse_mime(
      "Content-Type: text/html (a comment); charset=\"utf-8\"; format=flowed\n"
      "content-transfer-encoding: Quoted-Printable (yes)\n"
      "Content-ID: <1@b>\nContent-Description: =?utf-8?Q?a?=\n b\nContent-MD5: Q2hlY2s=\n"
      "Content-Disposition: attachment; filename=\"a b.txt\"\n"
      "Content-Language: en, de-AT (x)\nContent-Location: http://a/\n b\n\nx=20y\n");
  CHECK(part.is("TEXT", "HTML"));
  CHECK(part.charset() == "utf-8");
  CHECK(part.type_parameters ==
        std::vector<MimeParameter>{{"charset", "utf-8"}, {"format", "flowed"}});
  CHECK(part.transfer_encoding() == TransferEncoding::QuotedPrintable);
  CHECK(part.encoding == "Quoted-Printable");
  CHECK(part.id == "<1@b>");
  CHECK(part.description == "=?utf-8?Q?a?= b");
  CHECK(part.md5 == "Q2hlY2s=");
  CHECK(part.disposition == MimeValue{"attachment", {{"filename", "a b.txt"}}});
  CHECK(part.languages == std::vector<std::string>{"en", "de-AT"});
  CHECK(part.location == "http://a/b");
}

TEST_CASE("part numbers name parts as BODY[] does") {
  std::string message =
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: "
      "message/rfc822\n\n"
      "Content-Type: multipart/mixed; boundary=c\n\n--c\n\ninner one\n--c\nContent-Type: "
      "a/b\n\n\n--c--\n"
      "--b\nContent-Type: message/rfc822\n\nSubject: x\n\nplain\n--b--\n";
  auto root = parse_mime(message);
  struct Row {
    std::vector<std::uint32_t> path;
    const char* found;  // null: none
  };
  const Row rows[] = {
      {{}, "multipart/mixed"}, {{1}, "text/plain"}, {{2}, "message/rfc822"},
      {{2, 1}, "text/plain"},  {{2, 2}, "a/b"},     {{3}, "message/rfc822"},
      {{3, 1}, "text/plain"},  {{3, 2}, nullptr},   {{1, 1}, nullptr},
      {{0}, nullptr},          {{4}, nullptr},      {{2, 3}, nullptr},
      {{3, 1, 1}, nullptr},
  };
  for (const auto& row : rows) {
    auto* part = find_part(root, row.path);
    CHECK((part ? part->type + "/" + part->subtype : "") == (row.found ? row.found : ""));
  }
  auto single = parse_mime("Content-Type: message/rfc822\n\nSubject: x\n\nplain\n");
  CHECK(find_part(single, std::vector<std::uint32_t>{1}) == &single);
  CHECK(find_part(single, std::vector<std::uint32_t>{1, 1}) == &single.children[0]);
}

TEST_CASE("nesting and part count stop at their limits") {
  std::string deep;
  for (std::size_t i = 0; i < mime_nesting_max + 20; ++i)
    deep += "Content-Type: message/rfc822\n\n";
  std::size_t depth = 0;
  auto tree = parse_mime(deep);
  for (const auto* part = &tree; !part->children.empty(); part = &part->children[0]) ++depth;
  CHECK(depth == mime_nesting_max);

  std::string wide = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (std::size_t i = 0; i < mime_parts_max + 20; ++i) wide += "--b\n\nx\n";
  wide += "--b--\nend\n";
  auto root = parse_mime(wide);
  CHECK(root.children.size() == mime_parts_max - 1);
  CHECK(root.body.bytes + root.header.bytes == wide.size());
}

TEST_CASE(
    "parameters are joined and decoded by RFC 2231, and taken as carelessly as they are written") {
  struct Row {
    const char* body;
    const char* raw;   // name=value|name=value
    const char* utf8;  // of name `n`
  };
  const Row rows[] = {
      {"a/b; n=v", "n=v", "v"},
      {"a/b; n=\"v \\\" w\"", "n=v \" w", "v \" w"},
      {"a/b; n = v ; m=w", "n=v|m=w", "v"},
      {"a/b; n=my file.pdf; m=w", "n=my file.pdf|m=w", "my file.pdf"},
      {"a/b; n=v (comment); m=(x)w", "n=v|m=w", "v"},
      {"a/b; n=\"v\" m=w", "n=v|m=w", "v"},
      {"a/b;; ;n=v;", "n=v", "v"},
      {"a/b; x; n=v", "n=v", "v"},
      {"a/b; =v; n=w", "n=w", "w"},
      {"a/b; n*=utf-8'en'J%C3%B6rg", "n*=utf-8'en'J%C3%B6rg", "J\xc3\xb6rg"},
      {"a/b; n*=iso-8859-1''%F6; n=o", "n*=iso-8859-1''%F6|n=o", "\xc3\xb6"},
      {"a/b; n*0=\"one \"; n*1=two; m=x", "n=one two|m=x", "one two"},
      {"a/b; n*1=two; n*0=one", "n=onetwo", "onetwo"},
      {"a/b; n*0*=utf-8''%C3; n*1*=%B6; n*2=\" %\"", "n*=utf-8''%C3%B6%20%25", "\xc3\xb6 %"},
      {"a/b; n*0=a; n*1*=%C3%B6", "n*=''a%C3%B6", "a\xc3\xb6"},
      {"a/b; n*0=a; n*2=c", "n=a", "a"},
      {"a/b; n=\"=?utf-8?Q?J=C3=B6rg?=\"", "n==?utf-8?Q?J=C3=B6rg?=", "J\xc3\xb6rg"},
      {"a/b; n=\"unclosed", "n=unclosed", "unclosed"},
      {"a/b; n=\r\n \"folded\r\n value\"", "n=folded value", "folded value"},
      {"a/b; n=", "n=", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    auto value = parse_mime_value(row.body);
    CHECK(value.value == "a/b");
    std::string raw;
    for (const auto& one : value.parameters)
      raw += (raw.empty() ? "" : "|") + one.name + "=" + one.value;
    CHECK(raw == row.raw);
    CHECK(find_parameter_utf8(value.parameters, "N") == row.utf8);
  }
}
