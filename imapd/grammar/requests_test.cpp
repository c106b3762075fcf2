#include "imapd/grammar/requests.h"

#include <doctest/doctest.h>

#include "imapd/grammar/multisearch.h"

using namespace pennypost::imap;

namespace {
const Limits limits;
}

TEST_CASE("a command begins with a tag and a name") {
  auto head = parse_head("A1 uid fetch 1:* FLAGS");
  REQUIRE(head.has_value());
  CHECK(head->tag == "A1");
  CHECK(head->name == "UID FETCH");
  CHECK(head->arguments == " 1:* FLAGS");
  CHECK(parse_head("x noop")->name == "NOOP");
  CHECK(parse_head("x]y noop")->arguments.empty());
  for (const char* text : {"", "a", "a ", " NOOP", "a+ NOOP", "a\"b NOOP", "* NOOP", "a (b)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_head(text).has_value());
  }
}

TEST_CASE("strings come quoted, as atoms or as literals") {
  struct Row {
    const char* text;
    const char* user;
    const char* password;
  };
  const Row rows[] = {
      {" ann secret", "ann", "secret"},
      {" \"ann\" \"se\\\"c\\\\ret\"", "ann", "se\"c\\ret"},
      {" {3}\r\nann {6+}\r\n(x y)\r", "ann", "(x y)\r"},
      {" \"\" ]", "", "]"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto request = parse_login(row.text, limits);
    REQUIRE(request.has_value());
    CHECK(request->user == row.user);
    CHECK(request->password.reveal() == row.password);
  }
  for (const char* text : {"", " ", " ann", " ann x y", " \"ann x", " {9}\r\nann x", " ann {3",
                           " ann {3}\r\nab", " a(b c", " \"a\nb\" c", " ann NIL)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_login(text, limits).has_value());
  }
  CHECK(parse_login("  ann   \"x\"", limits)->password.reveal() == "x");
  CHECK_FALSE(parse_login(std::string_view(" {1}\r\n\0 x", 9), limits).has_value());
}

TEST_CASE("AUTHENTICATE takes an initial response in base64") {
  CHECK(parse_authenticate(" plain", limits)->mechanism == "PLAIN");
  CHECK_FALSE(parse_authenticate(" plain", limits)->initial_response.has_value());
  CHECK(parse_authenticate(" PLAIN =", limits)->initial_response->reveal().empty());
  CHECK(parse_authenticate(" PLAIN YWJj", limits)->initial_response->reveal() == "abc");
  CHECK_FALSE(parse_authenticate(" PLAIN YWJj ", limits).has_value());
  CHECK_FALSE(parse_authenticate(" PLAIN !", limits).has_value());
  CHECK_FALSE(parse_authenticate(" PLAIN ", limits).has_value());
}

TEST_CASE("INBOX is recognised in any case") {
  CHECK(parse_mailbox(" inbox", limits).operator*() == "INBOX");
  CHECK(parse_mailbox(" \"InBox\"", limits).operator*() == "INBOX");
  CHECK(parse_mailbox(" inbox.x", limits).operator*() == "inbox.x");
  CHECK_FALSE(parse_mailbox(" a b", limits).has_value());
  CHECK_FALSE(parse_mailbox(" a*", limits).has_value());
}

TEST_CASE("a list has at most list_items_max members, and parentheses nest nesting_max deep") {
  Limits few;
  few.list_items_max = 3;
  few.nesting_max = 4;
  CHECK(parse_store(" 1 FLAGS (a b c)", few).has_value());
  CHECK(parse_store(" 1 FLAGS (a b c d)", few).error().code() == 501);
  CHECK(parse_store(" 1 FLAGS a b c d", few).error().code() == 501);
  CHECK(parse_store(" 1,3,5 FLAGS (a)", few).has_value());
  CHECK_FALSE(parse_store(" 1,3,5,7 FLAGS (a)", few).has_value());
  CHECK(parse_select(" box (A B C)", few).has_value());
  CHECK(parse_select(" box (A B C D)", few).error().code() == 501);
  CHECK(parse_enable(" A B C", few).has_value());
  CHECK(parse_enable(" A B C D", few).error().code() == 501);
  CHECK(parse_tags(R"( "a" "b" "c")", few).has_value());
  CHECK(parse_tags(R"( "a" "b" "c" "d")", few).error().code() == 501);
  CHECK(parse_multi_search(" IN (mailboxes (a b c)) ALL", few).has_value());
  CHECK(parse_multi_search(" IN (mailboxes (a b c d)) ALL", few).error().code() == 501);
  CHECK(parse_store(" 1 (X ((((a))))) FLAGS (a)", few).has_value());
  CHECK(parse_store(" 1 (X (((((a)))))) FLAGS (a)", few).error().code() == 501);
}

TEST_CASE("parameters and modifiers are kept by name") {
  auto select =
      parse_select(" box (condstore QRESYNC (67890007 20050715194045000 41,43:211))", limits);
  REQUIRE(select.has_value());
  REQUIRE(select->parameters.size() == 2);
  CHECK(select->parameters[0].name == "CONDSTORE");
  CHECK(select->parameters[0].value.empty());
  CHECK(select->parameters[1].value == "(67890007 20050715194045000 41,43:211)");
  auto create = parse_create(" box (USE (\\Sent \\Drafts))", limits);
  REQUIRE(create.has_value());
  CHECK(create->parameters[0].value == "(\\Sent \\Drafts)");
  for (const char* text :
       {" box (", " box ()", " box (A", " box (A (b)", " box (A 1 ", " box(A)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_select(text, limits).has_value());
  }
}

TEST_CASE("STORE names its change, with or without parentheses") {
  using Change = StoreRequest::Change;
  auto store = parse_store(" 1:* +FLAGS.SILENT (\\deleted $Junk)", limits);
  REQUIRE(store.has_value());
  CHECK(store->change == Change::Add);
  CHECK(store->silent);
  CHECK(store->flags == std::vector<std::string>{"\\Deleted", "$Junk"});
  CHECK(parse_store(" 1 -flags \\Seen \\Flagged", limits)->change == Change::Remove);
  CHECK(parse_store(" 1 FLAGS ()", limits)->flags.empty());
  CHECK(parse_store(" 1 FLAGS ( )", limits)->flags.empty());
  CHECK(parse_store(" 1 FLAGS ( \\Seen  x )", limits)->flags.size() == 2);
  store = parse_store(" 1 (UNCHANGEDSINCE 320162338) +FLAGS (x)", limits);
  REQUIRE(store.has_value());
  CHECK(store->modifiers[0].value == "320162338");
  for (const char* text : {" 1 FLAGS", " 1 FLAGS ", " 1 *FLAGS (x)", " 1 FLAG (x)", " FLAGS (x)",
                           " 1 FLAGS (x", " 1 FLAGS (x) y", " 1 FLAGS (\\)", " 1 FLAGS.LOUD (x)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_store(text, limits).has_value());
  }
}

TEST_CASE("COPY, UID EXPUNGE, RENAME, ENABLE and ID take what their RFCs say") {
  CHECK(parse_copy(" 2:4 MEETING", limits)->mailbox == "MEETING");
  CHECK_FALSE(parse_copy(" 2:4", limits).has_value());
  CHECK(parse_uid_expunge(" 3000:3002", limits).has_value());
  CHECK_FALSE(parse_uid_expunge("", limits).has_value());
  CHECK(parse_rename(" a inbox", limits)->to == "INBOX");
  CHECK_FALSE(parse_rename(" a", limits).has_value());
  CHECK(*parse_enable(" condstore X-Good", limits) ==
        std::vector<std::string>{"CONDSTORE", "X-GOOD"});
  CHECK_FALSE(parse_enable("", limits).has_value());
  CHECK(parse_id(" nil", limits)->empty());
  auto id = parse_id(" (\"name\" \"mutt\" \"version\" NIL)", limits);
  REQUIRE(id.has_value());
  CHECK(id->at(0).second == "mutt");
  CHECK_FALSE(id->at(1).second.has_value());
  CHECK(parse_id(" (\"version\"  3.14  \"date\" 19990101 )", limits)->at(0).second == "3.14");
  for (const char* text : {"", " (\"name\")", " (\"name\" x)", " (NIL \"x\")", " (\"a\" NIL"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_id(text, limits).has_value());
  }
  CHECK(parse_nothing("", limits).has_value());
  CHECK_FALSE(parse_nothing(" x", limits).has_value());
}

TEST_CASE("ID has at most 30 fields, of 30 octets each, with values of 1024 (RFC 2971)") {
  auto is_taken = [](int fields, std::size_t name_bytes, std::size_t value_bytes) {
    auto field =
        " \"" + std::string(name_bytes, 'n') + "\" \"" + std::string(value_bytes, 'v') + '"';
    std::string all;
    for (int i = 0; i < fields; ++i) all += field;
    return parse_id(" (" + all.substr(1) + ")", limits).has_value();
  };
  CHECK(is_taken(30, 30, 1));
  CHECK_FALSE(is_taken(31, 30, 1));
  CHECK_FALSE(is_taken(1, 31, 1));
  CHECK(is_taken(1, 1, 1024));
  CHECK_FALSE(is_taken(1, 1, 1025));
}
