#include "store/filtering/submitted_mail.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/base/client_words.h"
#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE(
    "sendmail is taken from command_directory, else from beside us, else the setting is told") {
  Scratch scratch;
  auto installed = scratch / "installed";
  auto built = scratch / "built";
  auto none = find_sendmail(installed, built);
  REQUIRE_FALSE(none);
  CHECK(none.error().text().find("set command_directory") != std::string::npos);
  CHECK(client_words(none.error()).find("command_directory") != std::string::npos);
  CHECK(client_words(none.error()).find(installed) == std::string::npos);
  for (const auto& directory : {built, installed}) {
    std::filesystem::create_directory(directory);
    std::ofstream(directory + "/sendmail") << "#!/bin/sh\n";
    // A file that is no program is passed over.
    auto before = find_sendmail(installed, built);
    CHECK((!before || *before != directory + "/sendmail"));
    ::chmod((directory + "/sendmail").c_str(), 0700);
    auto found = find_sendmail(installed, built);
    CHECK((found && *found == directory + "/sendmail"));
  }
}
