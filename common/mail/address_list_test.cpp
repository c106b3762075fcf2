#include "common/mail/address_list.h"

#include <doctest/doctest.h>

#include <string>

#include "common/mail/header.h"

using namespace pennypost;

namespace {

/// As in ENVELOPE: (name route mailbox host), NIL where absent.
std::string shown(std::string_view body) {
  std::string out;
  auto part = [](const std::optional<std::string>& text) {
    return text ? "\"" + *text + "\"" : "NIL";
  };
  for (const auto& one : parse_address_list(body)) {
    out += "(" + part(one.name) + " " + part(one.route) + " " + part(one.mailbox) + " " +
           part(one.host) + ")";
  }
  return out;
}

}  // namespace

TEST_CASE("an address knows where it stands, without what is around it") {
  struct Row {
    std::string body;
    std::vector<std::string> places;
  };
  const std::vector<Row> rows{
      {" Ann <ann@a.example>, bob@b.example (Bob)", {"ann@a.example", "bob@b.example"}},
      {" root, \"d e\"@f.example ; x", {"root", "\"d e\"@f.example", "x"}},
      {" g: <@r,@s:a@b>, c . d @ e . f ;", {"@r,@s:a@b", "c . d @ e . f"}},
      {" <root>, Ann B ann@a.example", {"root", "ann@a.example"}},
      {" a(c)@(d)b.example(e) , <f@[192.0.2.1] >", {"a(c)@(d)b.example", "f@[192.0.2.1]"}},
      {" John Smith, <>", {"", ""}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    std::vector<std::string> places;
    for (const auto& one : parse_address_list(row.body)) {
      if (one.kind != ListedAddress::Kind::Mailbox) continue;
      places.push_back(row.body.substr(one.begin, one.end - one.begin));
    }
    CHECK(places == row.places);
  }
}

TEST_CASE("address lists are taken apart as ENVELOPE shows them") {
  struct Row {
    const char* body;
    const char* list;
  };
  const Row rows[] = {
      {"ann@b.example", R"((NIL NIL "ann" "b.example"))"},
      {"Ann Smith <ann@b.example>", R"(("Ann Smith" NIL "ann" "b.example"))"},
      {"\"Smith, Ann\" <ann@b.example>", R"(("Smith, Ann" NIL "ann" "b.example"))"},
      {"ann@b.example (Ann Smith)", R"(("Ann Smith" NIL "ann" "b.example"))"},
      {"Ann <ann@b.example> (work)", R"(("Ann" NIL "ann" "b.example"))"},
      {"John Q. Public <j@b.example>", R"(("John Q. Public" NIL "j" "b.example"))"},
      {" a@b , ,c@d,", R"((NIL NIL "a" "b")(NIL NIL "c" "d"))"},
      {"a@b,\r\n\tc@d", R"((NIL NIL "a" "b")(NIL NIL "c" "d"))"},
      {"team: a@b, C <c@d>; e@f", R"((NIL NIL "team" NIL)(NIL NIL "a" "b")("C" NIL "c" "d"))"
                                  R"((NIL NIL NIL NIL)(NIL NIL "e" "f"))"},
      {"undisclosed-recipients:;", R"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"},
      {"open: a@b", R"((NIL NIL "open" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))"},
      {"<@a.example,@b.example:u@c.example>", R"((NIL "@a.example,@b.example" "u" "c.example"))"},
      {"ann . smith @ b . example", R"((NIL NIL "ann.smith" "b.example"))"},
      {"\"ann smith\".x@b.example", R"((NIL NIL "ann smith.x" "b.example"))"},
      {"u@[192.0.2.1], v@[IPv6:::1]", R"((NIL NIL "u" "[192.0.2.1]")(NIL NIL "v" "[IPv6:::1]"))"},
      {"root", R"((NIL NIL "root" NIL))"},
      {"Root <root>", R"(("Root" NIL "root" NIL))"},
      {"John Smith", R"(("John Smith" NIL NIL NIL))"},
      {"<John Smith>", R"(("John Smith" NIL NIL NIL))"},
      {"\"John Smith\"", R"(("John Smith" NIL NIL NIL))"},
      {"\"j@b\", j@c", R"(("j@b" NIL NIL NIL)(NIL NIL "j" "c"))"},
      {"John <\"john smith\">", R"(("John" NIL "john smith" NIL))"},
      {"John Q. Smith (work)", R"(("John Q. Smith" NIL NIL NIL))"},
      {"<John j@b.example>", R"(("John" NIL "j" "b.example"))"},
      {"John <Smith j@b.example>", R"(("John" NIL "j" "b.example"))"},
      {"John Smith john@b.example", R"(("John Smith" NIL "john" "b.example"))"},
      {"<>", R"((NIL NIL "" NIL))"},
      {"=?utf-8?Q?J=C3=B6rg?= <j@b>", R"(("=?utf-8?Q?J=C3=B6rg?=" NIL "j" "b"))"},
      {"J\xc3\xb6rg <j\xc3\xb6@b>", "(\"J\xc3\xb6rg\" NIL \"j\xc3\xb6\" \"b\")"},
      {"a@b@c", R"((NIL NIL "a" "b@c"))"},
      {"a@b c d, e@f", R"((NIL NIL "a" "b")(NIL NIL "e" "f"))"},
      {"a@b c@d", R"((NIL NIL "a" "b"))"},
      {"a@b\r\n\tc@d@e:f, g@h", R"((NIL NIL "a" "b")(NIL NIL "g" "h"))"},
      {"a@b.c d.e", R"((NIL NIL "a" "b.c"))"},
      {"a@b . c", R"((NIL NIL "a" "b.c"))"},
      {"a@[192.0.2.1] x", R"((NIL NIL "a" "[192.0.2.1]"))"},
      {"a@b [x]", R"((NIL NIL "a" "b"))"},
      {"a@b (c) d@e", R"(("c" NIL "a" "b"))"},
      {"N <a@b c@d>", R"(("N" NIL "a" "b"))"},
      {"<@a, @b : c@d e>", R"((NIL "@a,@b" "c" "d"))"},
      {"g: a@b c@d, e f;", R"((NIL NIL "g" NIL)(NIL NIL "a" "b")("e f" NIL NIL NIL))"
                           R"((NIL NIL NIL NIL))"},
      {"a (x (y) \\) z) @b", R"(("x (y) ) z" NIL "a" "b"))"},
      {"(only a comment)", ""},
      {"", ""},
      {",;:,", ""},
      {"Ann <ann@b.example, bob@c.example",
       R"(("Ann" NIL "ann" "b.example")(NIL NIL "bob" "c.example"))"},
      {"\"unclosed <ann@b>", R"(("unclosed <ann@b>" NIL NIL NIL))"},
      {")a@b", R"((NIL NIL "a" "b"))"},
      {"a@b <c@d>", R"((NIL NIL "a" "b")(NIL NIL "c" "d"))"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    CHECK(shown(row.body) == row.list);
  }
}

TEST_CASE("a listed address becomes one for the envelope only if it is whole") {
  auto first = [](std::string_view body) { return parse_address_list(body).at(0).address(); };
  CHECK(first("Ann <ann@b.example>")->text() == "ann@b.example");
  CHECK(first("root")->text() == "root");
  CHECK(parse_address_list("\"root\"", BareWords::Addresses).at(0).address()->text() == "root");
  CHECK_FALSE(parse_address_list("<ann eve>", BareWords::Addresses).at(0).address());
  CHECK(first("a@b)")->text() == "a@b");
  CHECK_FALSE(first("Someone Else"));
  CHECK_FALSE(first("a@b c@d"));
  CHECK_FALSE(first("a@b@c"));
  CHECK_FALSE(first("a@b c"));
  CHECK_FALSE(first("<>"));
  CHECK_FALSE(first("team: a@b;"));
}

TEST_CASE("a bare address says where its domain belongs") {
  std::string_view body = "root, Ann <ann> (x), b@c, John Smith, g: \"d e\";";
  std::vector<Edit> edits;
  for (const auto& one : parse_address_list(body)) {
    if (one.bare_end) edits.push_back({*one.bare_end, 0, "@x"});
  }
  CHECK(edited(body, edits) == "root@x, Ann <ann@x> (x), b@c, John Smith, g: \"d e\"@x;");
}

TEST_CASE("a list longer than its limit is cut") {
  std::string body;
  for (std::size_t i = 0; i < address_list_max + 5; ++i) body += "a@b,";
  CHECK(parse_address_list(body).size() == address_list_max);
}
