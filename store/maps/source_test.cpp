#include "store/maps/source.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/maps/alias_items.h"
#include "store/maps/notation.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

std::string listed(std::string_view text, SourceSyntax syntax, const SourceWarning& warn = {}) {
  auto entries = parse_source(text, syntax, "/etc/x", warn);
  if (!entries) return "error: " + entries.error().text();
  std::string out;
  for (const auto& entry : *entries) {
    out += std::to_string(entry.line) + " [" + entry.key + "] [" + entry.value + "]\n";
  }
  return out;
}

std::string items(std::string_view value) {
  auto parsed = parse_alias_items(value);
  if (!parsed) return "error: " + parsed.error().text();
  std::string out;
  for (const auto& item : *parsed) {
    constexpr const char* kinds[] = {"address", "command", "file", "include"};
    out += std::string(kinds[static_cast<int>(item.kind)]) + " [" + item.text + "] ";
  }
  return out;
}

}  // namespace

TEST_CASE("a table's source is read as postmap(1) describes it") {
  CHECK(listed("# comment\n"
               "ann@example.org\tann, bob\n"
               "\n"
               "carol  one\n"
               "# a comment within\n"
               "   two\n"
               "\t three # four\n"
               "\"a key\" value\n"
               "\"a \\\"b\" v\r\n"
               "\"x y\"@example.org z",
               SourceSyntax::Table) ==
        "2 [ann@example.org] [ann, bob]\n"
        "4 [carol] [one   two\t three # four]\n"
        "8 [a key] [value]\n"
        "9 [a \"b] [v]\n"
        "10 [\"x y\"@example.org] [z]\n");
}

TEST_CASE("a line that holds no entry is dropped with a warning, and the others stand") {
  struct Row {
    SourceSyntax syntax;
    const char* text;
    const char* entries;
    const char* warning;
  };
  for (const auto& row : {
           Row{SourceSyntax::Table, "  a b\n  c d\ne f\n", "3 [e] [f]\n",
               "/etc/x:1: the line begins with white space but continues none; remove the blanks "
               "before \"a b  c d\"; the line is ignored\n"},
           Row{SourceSyntax::Table, "a b\nlonely\nc d\n", "1 [a] [b]\n3 [c] [d]\n",
               "/etc/x:2: expected `key value`, there is no value after lonely; the line is "
               "ignored\n"},
           Row{SourceSyntax::Aliases, "a: b\nempty:\n", "1 [a] [b]\n",
               "/etc/x:2: there is no recipient after empty:; name an address, or /dev/null to "
               "throw its "
               "mail away; the line is ignored\n"},
           Row{SourceSyntax::Aliases, "a b\n: c\n", "",
               "/etc/x:1: expected `name: value`, there is no colon; the line is ignored\n"
               "/etc/x:2: the name before the colon is missing; the line is ignored\n"},
       }) {
    CAPTURE(row.text);
    std::string warnings;
    auto warn = [&](const std::string& text) { warnings += text + "\n"; };
    CHECK(listed(row.text, row.syntax, warn) == row.entries);
    CHECK(warnings == row.warning);
  }
}

TEST_CASE("a value that would lead mail astray spoils the whole source") {
  auto ignore = [](const std::string&) {};
  for (const char* text : {"a: b\nc: <d\n", "a: b\nc: d@@e\n", "a: b\nc: \"|x\n"}) {
    CAPTURE(text);
    CHECK(listed(text, SourceSyntax::Aliases, ignore).starts_with("error: /etc/x:2: "));
  }
}

TEST_CASE("a wrong line of a source is named with file and line") {
  struct Row {
    SourceSyntax syntax;
    const char* text;
    const char* error;
  };
  for (const auto& row : {
           Row{SourceSyntax::Table, "a b\n\nkey\n", "/etc/x:3: expected `key value`"},
           Row{SourceSyntax::Table, "\"key value\n", "/etc/x:1: the quote"},
           Row{SourceSyntax::Table, "ann: bob\n", "/etc/x:1: the key ann: ends in a colon"},
           Row{SourceSyntax::Table, std::string_view("a b\nc\0d e\n", 10).data(),
               "/etc/x:2: expected"},
           Row{SourceSyntax::Aliases, "a: b\nann bob\n", "/etc/x:2: expected `name: value`"},
           Row{SourceSyntax::Aliases, ": bob\n", "/etc/x:1: the name before the colon is missing"},
           Row{SourceSyntax::Aliases, "a: b\nc:\n", "/etc/x:2: there is no recipient after c:"},
           Row{SourceSyntax::Aliases, "c: , (nobody) ,\n",
               "/etc/x:1: there is no recipient after c:"},
           Row{SourceSyntax::Aliases, "c: bob, b@@d\n", "/etc/x:1: \"b@@d\" is not an address"},
           Row{SourceSyntax::Table, "\n  a b\n  c d\n",
               "/etc/x:2: the line begins with white space"},
           Row{SourceSyntax::Aliases, " a: b\n", "/etc/x:1: the line begins with white space"},
           Row{SourceSyntax::Aliases, "a: \"|x\n", "/etc/x:1: a quote is not closed"},
           Row{SourceSyntax::Aliases, "a: |\n", "/etc/x:1: there is no command"},
           Row{SourceSyntax::Aliases, "a: :include:x\n", "/etc/x:1: :include: needs"},
       }) {
    CAPTURE(row.text);
    CHECK(listed(row.text, row.syntax).starts_with("error: " + std::string(row.error)));
  }
  CHECK(listed(std::string_view("a b\nc\0d e\n", 10), SourceSyntax::Table) ==
        "error: /etc/x:2: a zero byte; this is not a text file");
}

TEST_CASE("aliases are read as aliases(5) describes them") {
  CHECK(listed("postmaster: root\n"
               "staff : ann,\n"
               "   bob@example.org\n"
               "\"two words\": |/bin/x\n",
               SourceSyntax::Aliases) ==
        "1 [postmaster] [root]\n"
        "2 [staff] [ann,   bob@example.org]\n"
        "4 [two words] [|/bin/x]\n");
}

TEST_CASE("an alias's value is taken apart into addresses, commands, files and lists") {
  struct Row {
    const char* value;
    const char* expected;
  };
  for (const auto& row : {
           Row{"", ""},
           Row{"ann, bob@example.org,,", "address [ann] address [bob@example.org] "},
           Row{"ann bob,carol  dan", "address [ann] address [bob] address [carol] address [dan] "},
           Row{"ann @ example.org bob", "address [ann@example.org] address [bob] "},
           Row{"ann /var/mail/x :include: /etc/staff",
               "address [ann] file [/var/mail/x] include [/etc/staff] "},
           Row{"Ann Example <ann@example.org>, bob", "address [ann@example.org] address [bob] "},
           Row{"|/usr/bin/x -a", "command [/usr/bin/x -a] "},
           Row{"\"|/usr/bin/x -a, -b \\\"c\\\"\", ann",
               "command [/usr/bin/x -a, -b \"c\"] address [ann] "},
           Row{"|\"/usr/bin/x a, b\"", "command [\"/usr/bin/x a, b\"] "},
           Row{"/var/mail/archive", "file [/var/mail/archive] "},
           Row{"\"/var/mail/my archive\"", "file [/var/mail/my archive] "},
           Row{":include:/etc/staff", "include [/etc/staff] "},
           Row{"\":include:/etc/my staff\"", "include [/etc/my staff] "},
           Row{"\"two words\"@example.org", "address [\"two words\"@example.org] "},
           Row{"\\ann, \"|x\"", "address [\\ann] command [x] "},
           Row{"Ann (the (old) one) <ann@example.org>", "address [ann@example.org] "},
           Row{"<ann@example.org> (Ann)", "address [ann@example.org] "},
           Row{"(nobody)", ""},
           Row{"ann (", "error: a parenthesis is not closed"},
           Row{"<ann", "error: a < is not closed"},
           Row{"ann>", "error: a > without a <"},
           Row{"<>", "error: an empty address in <>"},
       }) {
    CAPTURE(row.value);
    CHECK(items(row.value) == row.expected);
  }
}

TEST_CASE("in an included file lines part items, and errors name the line") {
  auto parsed = parse_alias_file("# staff\nann, bob\ncarol\n", "/etc/staff");
  REQUIRE(parsed);
  CHECK(parsed->size() == 3);
  auto wrong = parse_alias_file("ann\n\"bob\n", "/etc/staff");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text() == "/etc/staff:2: a quote is not closed");
}

TEST_CASE("text in braces is taken apart, inner braces keep blanks and commas") {
  auto parsed = brace_items("{ a=b, {c = d, e} ,pcre:{x y} }");
  REQUIRE(parsed);
  CHECK(*parsed == std::vector<std::string>{"a=b", "c = d, e", "pcre:{x y}"});
  for (const char* text : {"a", "{a", "{a}}", "{a} b", "{a}b}", ""}) {
    CAPTURE(text);
    CHECK_FALSE(brace_items(text));
  }
  CHECK(*unbraced("{ a b }") == "a b");
  CHECK(*unbraced("a b") == "a b");
}
