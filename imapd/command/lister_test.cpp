#include "imapd/command/lister.h"

#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

store::Folder folder(const std::string& name, bool is_subscribed = false) {
  store::Folder made{*store::MailboxName::parse(name, '.')};
  made.subscribed = is_subscribed;
  return made;
}

ListRequest parsed(const std::string& arguments) {
  auto request = parse_list(arguments, Limits());
  REQUIRE(request);
  return *request;
}

struct Listing {
  std::string text;
  int steps = 0;
};

Listing listing(const ListRequest& request, std::vector<store::Folder> folders, std::size_t cost) {
  std::vector<std::string> special_uses{"Sent", "Old=\\Archive"};
  Lister lister(request, special_uses, '.', std::move(folders),
                {*store::MailboxName::parse("gone.away", '.')});
  Listing out;
  std::vector<Lister::Answer> answers;
  while (lister.run(cost, answers)) ++out.steps;
  for (const auto& answer : answers) out.text += answer.line;
  return out;
}

}  // namespace

TEST_CASE("LIST answers the same in steps of any size") {
  std::vector<store::Folder> folders{folder("INBOX"),     folder("Old"),   folder("a"),
                                     folder("a.b", true), folder("a.b.c"), folder("ab.c", true)};
  struct Row {
    std::string arguments;
    std::string answer;
  };
  for (const auto& row :
       {Row{" \"\" %",
            "* LIST (\\HasNoChildren) \".\" INBOX\r\n"
            "* LIST (\\HasNoChildren \\Archive) \".\" Old\r\n"
            "* LIST (\\HasNoChildren) \".\" a\r\n"},
        Row{" (SUBSCRIBED) \"\" *",
            "* LIST (\\HasNoChildren \\Subscribed) \".\" a.b\r\n"
            "* LIST (\\HasNoChildren \\Subscribed) \".\" ab.c\r\n"
            "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \".\" gone.away\r\n"},
        Row{" (SUBSCRIBED RECURSIVEMATCH) \"\" (% \"\")",
            "* LIST (\\HasNoChildren) \".\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
            "* LIST (\\NonExistent \\HasNoChildren) \".\" gone (\"CHILDINFO\" "
            "(\"SUBSCRIBED\"))\r\n"},
        Row{" \"gone.away\" (\"\")", ""},
        Row{" (SUBSCRIBED) \"gone.\" (\"\" away)",
            "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \".\" gone.away\r\n"}}) {
    CAPTURE(row.arguments);
    auto request = parsed(row.arguments);
    CHECK(listing(request, folders, 1'000'000).text == row.answer);
    CHECK(listing(request, folders, 1).text == row.answer);
  }
}

TEST_CASE("CHILDINFO announces selected names below, as in the examples of RFC 5258") {
  // Example 9 of section 5, where qux2 does not exist.
  std::vector<store::Folder> folders{folder("INBOX"),
                                     folder("foo2"),
                                     folder("foo2.bar1", true),
                                     folder("foo2.bar2", true),
                                     folder("baz2"),
                                     folder("baz2.bar2", true),
                                     folder("eps2", true),
                                     folder("eps2.mamba", true),
                                     folder("qux2"),
                                     folder("qux2.bar2", true)};
  folders[8].selectable = folders[8].exists = false;
  folders[8].has_children = true;
  auto names = [&](const std::string& arguments) {
    std::string out;
    auto text = listing(parsed(arguments), folders, 1000).text;
    for (auto line : split(text, '\n')) {
      if (line.empty()) continue;
      auto rest = line.substr(line.find("\".\" ") + 4);
      bool has_info = rest.find("CHILDINFO") != std::string_view::npos;
      out += std::string(rest.substr(0, rest.find_first_of(" \r"))) + (has_info ? "+ " : " ");
    }
    return out;
  };
  CHECK(names(" (RECURSIVEMATCH SUBSCRIBED) \"\" *2") ==
        "foo2+ foo2.bar2 baz2.bar2 eps2+ qux2.bar2 ");
  CHECK(names(" (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" %") == "foo2+ baz2+ eps2+ qux2+ gone+ ");
  CHECK(names(" (RECURSIVEMATCH SUBSCRIBED) \"\" *") ==
        "foo2.bar1 foo2.bar2 baz2.bar2 eps2+ eps2.mamba qux2.bar2 gone.away ");
  CHECK(names(" (SUBSCRIBED) \"\" %") == "eps2 ");
  auto line = [&](const std::string& arguments) {
    return listing(parsed(arguments), folders, 1000).text;
  };
  CHECK(line(" () \"\" qux2") == "* LIST (\\NonExistent \\HasChildren) \".\" qux2\r\n");
  CHECK(line(" \"\" qux2") == "* LIST (\\Noselect \\HasChildren) \".\" qux2\r\n");
  CHECK(line(" \"\" eps2 RETURN (SUBSCRIBED CHILDREN SUBSCRIBED)") ==
        "* LIST (\\HasNoChildren \\Subscribed) \".\" eps2\r\n");
  folders.push_back(folder("Sent"));
  CHECK(line(" \"\" Sent") == "* LIST (\\HasNoChildren \\Sent) \".\" Sent\r\n");
  folders.back().selectable = false;
  CHECK(line(" \"\" Sent") == "* LIST (\\Noselect \\HasNoChildren) \".\" Sent\r\n");
  CHECK(as_not_selectable("* LIST () \".\" a\r\n") == "* LIST (\\Noselect) \".\" a\r\n");
  for (const char* wrong : {" (RECURSIVEMATCH) \"\" *", " (REMOTE RECURSIVEMATCH) \"\" *",
                            " (SPECIAL-USE RECURSIVEMATCH) \"\" *", " (X) \"\" *",
                            " \"\" * RETURN (X)", " \"\" ()", " \"\" * RETURN (STATUS ())"}) {
    CAPTURE(wrong);
    auto refused = parse_list(wrong, Limits());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == 501);
  }
}

TEST_CASE("the more patterns, the fewer names a step of LIST looks at") {
  std::vector<store::Folder> folders(1000, folder(std::string(200, 'a')));
  std::string patterns;
  for (int i = 0; i < 100; ++i) patterns += (i > 0 ? " *" : "*") + std::string(150, 'a') + "%b";
  auto few = listing(parsed(" \"\" (*b %b)"), folders, 1 << 20);
  auto many = listing(parsed(" \"\" (" + patterns + ")"), folders, 1 << 20);
  CHECK(few.steps <= 2);
  CHECK(many.steps >= 20);
}
