#include "smtpd/commands/migrate.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "common/config/config.h"
#include "store/maps/map.h"

using namespace pennypost;

namespace {

struct Mail {
  Scratch scratch;
  std::string source = scratch / "mail";
  std::string output = scratch / "out";
  std::string out;
  std::string err;

  Mail() { std::filesystem::create_directory(source); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(source + "/" + name) << text;
  }
  int run(std::vector<std::string> args) {
    std::ostringstream made, said;
    int status = smtp::migrate(args, made, said);
    out = made.str();
    err = said.str();
    return status;
  }
  int run() { return run({"sendmail", "--output", output, source}); }
};

}  // namespace

TEST_CASE("pennypost migrate writes a configuration that loads, with its tables built") {
  Mail mail;
  mail.write("sendmail.mc",
             "FEATURE(`access_db')\nFEATURE(`virtusertable')\nFEATURE(`no_default_msa')\n"
             "FEATURE(`use_cw_file')\nMASQUERADE_AS(`example.com')\n"
             "define(`confMAX_MESSAGE_SIZE', `1000000')\nMAILER(`smtp')\n");
  mail.write("access", "Connect:10 RELAY\nFrom:spam.example REJECT\nTo:x@ ERROR:550 no\n");
  mail.write("virtusertable", "info@example.org ann\n@example.org %1@example.net\n");
  mail.write("local-host-names", "example.org\n");
  mail.write("relay-domains", "customer.example\n");
  mail.write("aliases", "root: ann\n");
  CHECK(mail.run() == 0);
  CHECK(mail.out.empty());
  LoadOptions options;
  options.directory = mail.output;
  auto config = Config::load(options);
  REQUIRE_MESSAGE(config, (config ? "" : config.error().text()));
  CHECK((*config)->text("message_size_limit") == "1000000");
  for (const auto& list : {(*config)->virtual_alias_maps, (*config)->alias_maps}) {
    for (const auto& table : list) {
      auto map = store::Map::open(table);
      REQUIRE(map);
      CHECK((*map)->ready());
    }
  }
  auto map = store::Map::open((*config)->virtual_alias_maps.front());
  REQUIRE(map);
  auto found = (*map)->lookup("info@example.org");
  REQUIRE(found);
  CHECK(*found == "ann");
}

TEST_CASE("pennypost migrate lists what has no counterpart, and its exit status says so") {
  Mail mail;
  mail.write("sendmail.mc", "FEATURE(`no_default_msa')\nFEATURE(`greet_pause')\n");
  CHECK(mail.run() == 1);
  CHECK(mail.out.starts_with("sendmail.mc:2: FEATURE(`greet_pause'): there is no pause"));
  CHECK(std::filesystem::exists(mail.output + "/main.toml"));
}

TEST_CASE("pennypost migrate overwrites nothing") {
  Mail mail;
  mail.write("aliases", "root: ann\n");
  std::filesystem::create_directory(mail.output);
  std::ofstream(mail.output + "/aliases") << "mine";
  CHECK(mail.run() == 73);
  CHECK(mail.err.find(mail.output + "/aliases exists and is not overwritten") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(mail.output + "/main.toml"));
}

TEST_CASE("pennypost migrate says what is wrong with its call or its source") {
  Mail mail;
  CHECK(mail.run({"sendmail"}) == 64);
  CHECK(mail.run({"qmail", mail.source}) == 64);
  CHECK(mail.run({"sendmail", "-x", mail.source}) == 64);
  CHECK(mail.err.find("there is no option -x; usage: ") != std::string::npos);
  CHECK(mail.run({"sendmail", mail.source, "--output"}) == 64);
  CHECK(mail.err.find("a directory is missing after --output") != std::string::npos);
  CHECK(mail.run({"sendmail", "--output", mail.output, mail.scratch / "nothing"}) == 65);
  CHECK(mail.run() == 65);
  CHECK(mail.err.find("holds none of Sendmail's files") != std::string::npos);
  mail.write("sendmail.mc", "\nFEATURE(`x'\n");
  CHECK(mail.run() == 65);
  CHECK(mail.err == "pennypost migrate: fatal: sendmail.mc:2: a parenthesis is not closed\n");
}
