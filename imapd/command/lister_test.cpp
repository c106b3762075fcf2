#include "imapd/command/lister.h"

#include <doctest/doctest.h>

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
            "* LIST (\\NonExistent \\Subscribed) \".\" gone.away\r\n"},
        Row{" (SUBSCRIBED RECURSIVEMATCH) \"\" %",
            "* LIST (\\HasNoChildren) \".\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"}}) {
    CAPTURE(row.arguments);
    auto request = parsed(row.arguments);
    CHECK(listing(request, folders, 1'000'000).text == row.answer);
    CHECK(listing(request, folders, 1).text == row.answer);
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
