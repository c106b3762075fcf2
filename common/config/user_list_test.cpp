#include "common/config/user_list.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;

namespace {

/// The table has ann alone; `down` can't be read.
Result<bool> find(const TableRef& table, std::string_view name) {
  if (table.name == "/down") return Error::temporary("the table can't be read");
  return table.type == "static" || name == "ann";
}

}  // namespace

TEST_CASE("the first item of a list of users that matches decides") {
  struct Row {
    std::vector<std::string> list;
    std::string user;
    bool is_in;
  };
  for (const Row& row : {
           Row{{"static:anyone"}, "unknown", true},
           Row{{"ann", "bob"}, "bob", true},
           Row{{"ann", "bob"}, "Bob", true},
           Row{{"ann", "bob"}, "eve", false},
           Row{{}, "ann", false},
           Row{{"!www", "static:all"}, "www", false},
           Row{{"!www", "static:all"}, "ann", true},
           Row{{"static:all", "!www"}, "www", true},
           Row{{"!unknown", "static:all"}, "unknown", false},
           Row{{"inline:{ann=ok}"}, "ann", true},
           Row{{"inline:{ann=ok}"}, "bob", false},
           Row{{"!inline:{ann=ok}", "static:all"}, "ann", false},
           Row{{"bob", "hash:/down"}, "bob", true},
       }) {
    CAPTURE(row.list);
    CAPTURE(row.user);
    auto is_in = is_listed_user(row.list, row.user, find);
    REQUIRE(is_in);
    CHECK(*is_in == row.is_in);
  }
  CHECK(is_listed_user({"hash:/down", "bob"}, "bob", find).error().is_temporary());
}

TEST_CASE("each right has its list, open to anyone by default, and its refusal") {
  auto config = config_for_test(
      {"authorized_submit_users=ann", "authorized_mailq_users=bob", "authorized_flush_users=eve"});
  CHECK(authorized_users(*config, LocalRight::Submit).front() == "ann");
  CHECK(authorized_users(*config, LocalRight::List).front() == "bob");
  CHECK(authorized_users(*config, LocalRight::Flush).front() == "eve");
  auto open = config_for_test({});
  for (auto right : {LocalRight::Submit, LocalRight::List, LocalRight::Flush}) {
    CHECK(admits_everybody(authorized_users(*open, right)));
    CHECK_FALSE(admits_everybody(authorized_users(*config, right)));
  }
  CHECK(right_refused(LocalRight::Submit, "ann", 7) == "User ann(7) is not allowed to submit mail");
  CHECK(right_refused(LocalRight::List, "ann", 7) ==
        "User ann(7) is not allowed to view the mail queue");
  CHECK(right_refused(LocalRight::Flush, "ann", 7) ==
        "User ann(7) is not allowed to flush the mail queue");
}
