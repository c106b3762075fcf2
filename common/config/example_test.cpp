#include "common/config/example.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/edit.h"

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

LoadOptions on_mail_example() {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {}};
  return options;
}

/// A main.toml with all defaults of a role written out, but for what is derived if it is unset, and
/// ports that need a certificate once they are set.
std::string all_defaults(Role role) {
  std::string text = "role = \"" + std::string(name_of(role)) + "\"\n";
  if (role == Role::NullClient) text += "relayhost = \"[smtp1.example.com]\"\n";
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const Parameter& parameter = parameters()[i];
    auto value = role_default(role, parameter.name).value_or(parameter.default_text);
    bool is_left_out = value.empty() || parameter.name == "role" ||
                       parameter.name == "config_directory" || parameter.name.ends_with("s_port");
    if (is_left_out) continue;
    text += std::string(parameter.name) + " = " + toml_value(i, std::string(value)) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("etc/ holds the example of each role, which loads and can be read at one sight") {
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    std::string name(name_of(role));
    CAPTURE(name);
    std::ifstream stream(source_directory() / "etc" / (name + ".toml"));
    std::ostringstream text;
    text << stream.rdbuf();
    bool has_drifted = text.str() != example(role);
    CHECK_MESSAGE(!has_drifted,
                  "make it anew: postconf --example " << name << " > etc/" << name << ".toml");
    CHECK(std::ranges::count(text.str(), '\n') < static_cast<std::ptrdiff_t>(example_lines_max));
    auto config = Config::parse(text.str(), on_mail_example());
    if (!config) FAIL(config.error().text());
    CHECK((*config)->role == role);
  }
}

TEST_CASE("a setting in an example's comments can be uncommented") {
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    std::string text = example(role);
    std::size_t count = 0;
    for (std::string_view line : split(text, '\n')) {
      bool is_setting = line.starts_with('#') && line.size() > 1 && line[1] != ' ';
      if (!is_setting) continue;
      ++count;
      std::string name(line.substr(1, line.find(' ') - 1));
      CAPTURE(name);
      CHECK(find_parameter(name).has_value());
      if (line.ends_with(" = \"\"")) continue;
      auto with =
          Config::parse(example(role) + std::string(line.substr(1)) + "\n", on_mail_example());
      if (!with) FAIL(with.error().text());
    }
    CHECK(count >= 8);
  }
}

TEST_CASE("all defaults of a role written out mean the same") {
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    auto config = Config::parse(example(role), on_mail_example());
    REQUIRE(config);
    auto written = Config::parse(all_defaults(role), on_mail_example());
    if (!written) FAIL(written.error().text());
    for (const Parameter& parameter : parameters()) {
      CAPTURE(parameter.name);
      CHECK((*written)->text(parameter.name) == (*config)->text(parameter.name));
    }
  }
}
