#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

#include "common/session/command_table.h"
#include "common/session/error_limits.h"
#include "common/session/login_throttle.h"
#include "common/session/security.h"
#include "common/session/session_id.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

struct Row {
  std::string_view name;
  int number;
};
constexpr std::array rows{Row{"DATA", 1}, Row{"DATAX", 2}, Row{"EHLO", 3}, Row{"MAIL", 4},
                          Row{"QUIT", 5}};
static_assert(is_command_table(rows));
static_assert(find_command(rows, "mail")->number == 4);

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

}  // namespace

TEST_CASE("a command is found in any case, and nothing else is") {
  for (const Row& row : rows) {
    CHECK(find_command(rows, row.name) == &row);
    CHECK(find_command(rows, lower(row.name)) == &row);
  }
  for (std::string_view unknown : {"", "A", "DAT", "DATAXX", "MAIK", "Z", "\xff", "QUIT "}) {
    CAPTURE(unknown);
    CHECK(find_command(rows, unknown) == nullptr);
  }
}

TEST_CASE("a table out of order or not in upper case is noticed") {
  CHECK_FALSE(is_command_table(std::array{Row{"B", 1}, Row{"A", 2}}));
  CHECK_FALSE(is_command_table(std::array{Row{"A", 1}, Row{"A", 2}}));
  CHECK_FALSE(is_command_table(std::array{Row{"a", 1}}));
}

TEST_CASE(
    "answers are held back beyond the soft limit, and the client is cut off at the hard one") {
  ErrorCount errors(ErrorLimits{2, 4, 3, 1000ms});
  errors.note_error();
  errors.note_error();
  CHECK(errors.delay() == 0ms);
  errors.note_error();
  CHECK(errors.delay() == 1000ms);
  CHECK_FALSE(errors.is_over());
  errors.note_error();
  CHECK(errors.is_over());
  errors.clear();
  CHECK_FALSE(errors.is_over());
}

TEST_CASE("idle commands are for free up to their limit") {
  ErrorCount errors(ErrorLimits{2, 4, 3, 1000ms});
  for (int i = 0; i < 3; ++i) errors.note_junk();
  CHECK(errors.errors() == 0);
  errors.note_junk();
  CHECK(errors.errors() == 1);
}

TEST_CASE("no two sessions have the same id") {
  ManualClock clock;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(make_session_id(clock));
  CHECK(seen.size() == 1000);
  CHECK(seen.begin()->size() == 20);
}

TEST_CASE("a password may pass in the clear over TLS, from the own host, or where the admin says") {
  CHECK(is_same_host(address("127.0.0.1"), address("127.0.0.1")));
  CHECK(is_same_host(address("192.0.2.1"), address("192.0.2.1")));
  CHECK(is_same_host(address("::ffff:127.0.0.1"), address("127.0.0.1")));
  CHECK_FALSE(is_same_host(address("192.0.2.2"), address("192.0.2.1")));
  CHECK(Security{true, false}.allows_plaintext(true));
  CHECK(Security{false, true}.allows_plaintext(true));
  CHECK(Security{false, false}.allows_plaintext(false));
  CHECK_FALSE(Security{false, false}.allows_plaintext(true));
}
