#include "smtpd/commands/stored_check.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

#include "common/base/scratch.h"
#include "smtpd/queue/record.h"
#include "store/kv/database.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// What is said of a queue in this form, after the exit status.
std::string said_of(const std::string& form) {
  Scratch scratch;
  LoadOptions options;
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  std::string toml = "role = \"null-client\"\nrelayhost = \"[a.test]\"\n";
  toml += "queue_directory = \"" + scratch.path().string() + "\"\n";
  auto config = Config::parse(toml, options);
  REQUIRE(config);
  {
    auto database = store::Database::open(scratch.path() / "db", store::Profile::queue());
    REQUIRE(database);
    store::Batch batch;
    batch.put(keys::form, form);
    REQUIRE(database->commit(batch));
  }
  std::ostringstream out;
  int status = check_stored(*config, out, out);
  return std::to_string(status) + " " + out.str();
}

}  // namespace

TEST_CASE("a queue of this form stays, an earlier one is converted, a later one is refused") {
  CHECK(said_of(std::string(stored_form)).find("read as it is") != std::string::npos);
  CHECK(said_of(std::string(stored_form)).starts_with("0 "));
  CHECK(said_of("2").find("from the next start on written in format " + std::string(stored_form)) !=
        std::string::npos);
  CHECK(said_of("2").starts_with("0 "));
  CHECK(said_of("999").find("would refuse it; let the other version deliver") != std::string::npos);
  CHECK(said_of("999").starts_with("1 "));
}
