#include "common/config/manual.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/text.h"
#include "common/config/config.h"

using namespace pennypost;

namespace {

/// The tree that this test was built in, found upward from its program.
std::filesystem::path source_directory() {
  auto directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(directory / "CMakePresets.json")) {
    REQUIRE(directory.has_relative_path());
    directory = directory.parent_path();
  }
  return directory;
}

}  // namespace

TEST_CASE("etc/ holds the example that the rows make, for each role, and it loads") {
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    std::string name(name_of(role));
    CAPTURE(name);
    std::ifstream stream(source_directory() / "etc" / (name + ".toml"));
    std::ostringstream text;
    text << stream.rdbuf();
    bool drifted = text.str() != example(role);
    CHECK_MESSAGE(!drifted,
                  "make it anew: postconf --example " << name << " > etc/" << name << ".toml");
    LoadOptions options;
    options.system = System{"mail.example.com", true, {}};
    auto config = Config::parse(text.str(), options);
    if (!config) FAIL(config.error().text());
    CHECK((*config)->role == role);
  }
}

TEST_CASE("an example with all its defaults written out means the same") {
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    LoadOptions options;
    options.system = System{"mail.example.com", true, {}};
    auto config = Config::parse(example(role), options);
    REQUIRE(config);
    std::string bare;
    std::string text = example(role);
    for (std::string_view line : split(text, '\n')) {
      bool unset = line.ends_with(" = \"\"");
      bool port = line.find("s_port = ") != line.npos;  // set explicitly it needs a certificate
      bool setting = line.starts_with('#') && line.size() > 1 && line[1] != ' ';
      bool section = line.starts_with("#[");
      if (unset || port || !(setting || (!line.empty() && line[0] != '#'))) continue;
      if (section && bare.find("[service.") != std::string::npos) bare += "\n";
      bare += std::string(setting ? line.substr(1) : line) + "\n";
    }
    auto written = Config::parse(bare, options);
    if (!written) FAIL(written.error().text());
    for (const Parameter& parameter : parameters()) {
      CAPTURE(parameter.name);
      CHECK((*written)->text(parameter.name) == (*config)->text(parameter.name));
      for (std::size_t s = 0; s < service_count; ++s) {
        auto service = static_cast<Service>(s);
        if (role == Role::None) continue;
        bool section_default = false;
        for (std::size_t t = 0; t < service_count; ++t) {
          section_default |= service_default(static_cast<Service>(t), parameter.name).has_value();
        }
        if (section_default) continue;  // a file's value outweighs a service default
        CHECK((*written)->text(parameter.name, service) ==
              (*config)->text(parameter.name, service));
      }
    }
  }
}

TEST_CASE("the manual page names every setting") {
  std::string page = manual_page();
  for (const Parameter& parameter : parameters()) {
    CHECK(page.find("\\fB" + std::string(parameter.name) + "\\fR") != std::string::npos);
  }
}

TEST_CASE("the manual page tells what each type of table is") {
  std::string page = manual_page();
  CHECK(page.find("\\fBldap:\\fR\nA directory, asked as the file says") != std::string::npos);
  CHECK(page.find("\\fBpipemap:\\fR\n{table, table}") != std::string::npos);
}

TEST_CASE("the manual page tells what each restriction means and which argument it takes") {
  std::string page = manual_page();
  CHECK(page.find("\\fBcheck_sender_access\\fR TYPE:TABLE\nLook up the sender") !=
        std::string::npos);
  CHECK(page.find("\\fBreject_rbl_client\\fR DOMAIN\n") != std::string::npos);
  CHECK(page.find("\\fBpermit_mynetworks\\fR\nPermit clients in mynetworks.") != std::string::npos);
}
