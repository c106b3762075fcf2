#include <doctest/doctest.h>

#include <map>

#include "smtpd/policy/screen_messages.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("postscreen_access_list is evaluated in order, and the first verdict counts") {
  using Answer = ScreenAccess::Answer;
  std::map<std::string, std::string> table{{"192.0.2.1", "reject"},
                                           {"192.0.2.2", "dunno"},
                                           {"192.0.2.3", "PERMIT"},
                                           {"192.0.2.4", "550 no"}};
  bool is_down = false;
  std::vector<std::string> warnings;
  auto ask = [&](const std::vector<std::string>& list, const std::string& address,
                 bool is_in_mynetworks = false) {
    ScreenAccess request;
    request.address = address;
    request.is_in_mynetworks = is_in_mynetworks;
    auto find = [&](const TableRef&, std::string_view key) -> Result<std::optional<std::string>> {
      if (is_down) return Error::temporary("it is gone");
      auto found = table.find(std::string(key));
      if (found == table.end()) return std::optional<std::string>();
      return std::optional(found->second);
    };
    return screen_access(list, request, find,
                         [&](const std::string& text) { warnings.push_back(text); });
  };
  CHECK(ask({"permit_mynetworks", "cidr:/a"}, "192.0.2.1", true) == Answer::Permit);
  CHECK(ask({"permit_mynetworks", "cidr:/a"}, "192.0.2.1") == Answer::Reject);
  CHECK(ask({"cidr:/a", "permit"}, "192.0.2.2") == Answer::Permit);
  CHECK(ask({"cidr:/a", "reject"}, "192.0.2.3") == Answer::Permit);
  CHECK(ask({"cidr:/a"}, "192.0.2.5") == Answer::None);
  CHECK(warnings.empty());
  CHECK(ask({"cidr:/a", "reject"}, "192.0.2.4") == Answer::None);
  CHECK(warnings.back() ==
        "postscreen_access_list: cidr:/a: 550 no for 192.0.2.4 is none of: permit, reject, dunno");
  is_down = true;
  CHECK(ask({"cidr:/a", "reject"}, "192.0.2.1") == Answer::None);
  CHECK(warnings.back() == "postscreen_access_list: cidr:/a: it is gone");
}
