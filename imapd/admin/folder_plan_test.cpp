#include "imapd/admin/folder_plan.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;

namespace {

ListedFolder folder(std::string name, char separator = '/', std::vector<std::string> has = {}) {
  return {std::move(has), separator, std::move(name)};
}

/// `SOURCE > TARGET` in order.
std::vector<std::string> planned(FolderPlanning planning) {
  std::vector<std::string> lines;
  for (const auto& one : plan_folders(std::move(planning)).folders) {
    lines.push_back(one.source + " > " + one.target);
  }
  return lines;
}

FolderPlanning of(std::vector<ListedFolder> folders) {
  FolderPlanning planning;
  planning.folders = std::move(folders);
  planning.special_uses = {{"Sent", store::SpecialUse::Sent}, {"Trash", store::SpecialUse::Trash}};
  return planning;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("levels are kept whatever separates them, and what a name can't hold becomes _") {
  CHECK(planned(of({folder("Lists/a.b/c"), folder("inbox"), folder("Gr&APwA3w-e")})) ==
        Lines{"Gr&APwA3w-e > Grüße", "Lists/a.b/c > Lists.a_b.c", "inbox > INBOX"});
  CHECK(planned(of({folder("a/b", '.'), folder("a/b.c", '\0')})) ==
        Lines{"a/b > a_b", "a/b.c > a_b_c"});
}

TEST_CASE("where / separates levels, none of them begins with a dot") {
  auto planning = of({folder("a/.b/c")});
  planning.separator = '/';
  CHECK(planned(planning) == Lines{"a/.b/c > a/_b/c"});
}

TEST_CASE("the prefix of the user's own folders there is left out") {
  auto planning = of({folder("INBOX", '.'), folder("INBOX.Work.Old", '.')});
  planning.namespaces.prefix = "INBOX.";
  CHECK(planned(planning) == Lines{"INBOX > INBOX", "INBOX.Work.Old > Work.Old"});
}

TEST_CASE("a folder for a special use becomes ours for that use, if its name is free there") {
  CHECK(planned(of({folder("Sent Items", '/', {"\\Sent"})})) == Lines{"Sent Items > Sent"});
  CHECK(planned(of({folder("Sent Items", '/', {"\\sent"}), folder("Sent")})) ==
        Lines{"Sent > Sent", "Sent Items > Sent Items"});
}

TEST_CASE(
    "folders that show messages of others, and those of other users, are left out and named") {
  auto planning = of({folder("All Mail", '/', {"\\All"}), folder("user/bob/x"), folder("Own"),
                      folder("Level", '/', {"\\NoSelect"})});
  planning.namespaces.others = {"user/"};
  auto plan = plan_folders(planning);
  REQUIRE(plan.folders.size() == 1);
  CHECK(plan.folders[0].source == "Own");
  REQUIRE(plan.left_out.size() == 2);
  CHECK(plan.left_out[0].starts_with("All Mail shows messages of other folders"));
  CHECK(plan.left_out[1] == "user/bob/x is not the user's own");
  planning.chosen = {"All Mail"};
  CHECK(planned(planning) == Lines{"All Mail > All Mail"});
}

TEST_CASE("two folders whose names would be one get different ones, and keep their subscriptions") {
  auto planning = of({folder("a.b"), folder("a_b")});
  planning.subscribed = {"a_b"};
  auto plan = plan_folders(planning);
  REQUIRE(plan.folders.size() == 2);
  CHECK(plan.folders[0].target == "a_b");
  CHECK_FALSE(plan.folders[0].is_subscribed);
  CHECK(plan.folders[1].target == "a_b_2");
  CHECK(plan.folders[1].is_subscribed);
}

TEST_CASE("so many folders may have one name, and the next is left out") {
  std::vector<ListedFolder> folders;
  for (int i = 0; i <= same_names_max; ++i) {
    folders.push_back(folder("a" + std::string(static_cast<std::size_t>(i), '/') + "/b"));
  }
  auto plan = plan_folders(of(folders));
  CHECK(plan.folders.size() == same_names_max);
  CHECK(plan.folders.back().target == "a.b_100");
  CHECK(plan.left_out.size() == 1);
}
