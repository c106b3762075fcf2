#include "smtpd/migration/postfix.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Host {
  std::map<std::string, std::string> files;
  Migration made{"/etc/pennypost"};

  void read() {
    auto file = [this](const std::string& path) -> Result<std::optional<std::string>> {
      auto found = files.find(path);
      if (found == files.end()) return std::optional<std::string>();
      return std::optional(found->second);
    };
    auto done = read_postfix("/etc/postfix/main.cf", file, made);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
  }
  std::vector<std::string> told() const {
    std::vector<std::string> lines;
    for (const auto& one : made.unmatched()) {
      lines.push_back(std::to_string(one.place.line) + ": " + one.text + ": " + one.reason);
    }
    return lines;
  }
};

}  // namespace

TEST_CASE("settings of the same name are taken, with Postfix's own names put in") {
  Host host;
  host.files["/etc/postfix/main.cf"] =
      "# comment\ncompatibility_level = 3.6\nmyhostname = mx.example.org\n"
      "queue_directory = /var/spool/postfix\nmail_owner = postfix\n"
      "hub = [relay.example.org]\nrelayhost = $hub:587\n"
      "mydestination = $myhostname,\n# in between\n  localhost\n"
      "smtpd_use_tls = yes\nmy_unknown = 1\n";
  host.read();
  CHECK(host.made.value("myhostname") == "mx.example.org");
  CHECK(host.made.value("relayhost") == "[relay.example.org]:587");
  CHECK(host.made.value("mydestination") == "$myhostname, localhost");
  CHECK(host.made.value("smtpd_tls_security_level") == "may");
  CHECK_FALSE(host.made.is_set("queue_directory"));
  CHECK_FALSE(host.made.is_set("mail_owner"));
  CHECK(host.told() ==
        std::vector<std::string>{"12: my_unknown = 1: there is no such setting here"});
}

TEST_CASE("tables are copied beside main.toml, and those of unknown types are told") {
  Host host;
  host.files["/etc/postfix/main.cf"] =
      "alias_maps = hash:/etc/aliases, nis:mail.aliases\n"
      "virtual_alias_maps = proxy:lmdb:/etc/postfix/virtual pcre:$config_directory/virtual.pcre\n"
      "transport_maps = hash:/etc/postfix/transport\n"
      "relay_recipient_maps = mysql:/etc/postfix/rcpt.cf\n";
  host.files["/etc/aliases"] = "root: ann\n";
  host.files["/etc/postfix/virtual"] = "info@example.org ann\n";
  host.files["/etc/postfix/virtual.pcre"] = "/^x/ ann\n";
  host.read();
  CHECK(host.made.value("alias_maps") == "hash:/etc/pennypost/aliases");
  CHECK(host.made.value("virtual_alias_maps") ==
        "hash:/etc/pennypost/virtual pcre:/etc/pennypost/virtual.pcre");
  CHECK(host.made.value("relay_recipient_maps") == "mysql:/etc/postfix/rcpt.cf");
  CHECK(host.made.tables().at("aliases").kind == MigratedTable::Kind::Aliases);
  CHECK(host.made.tables().at("virtual").text == "info@example.org ann\n");
  auto told = host.told();
  REQUIRE(told.size() == 2);
  CHECK(told[0] == "1: nis:mail.aliases: left out: tables of the type nis are not known here");
  CHECK(told[1].starts_with("3: hash:/etc/postfix/transport: there is no /etc/postfix/transport"));
}

TEST_CASE("master.cf says which services listen and what is different for each") {
  Host host;
  host.files["/etc/postfix/main.cf"] = "myhostname = mx.example.org\n";
  host.files["/etc/postfix/master.cf"] =
      "smtp inet n - y - - smtpd\n  -o smtpd_timeout=60s\n"
      "#submissions inet n - y - - smtpd\n"
      "submission inet n - y - - smtpd\n  -o syslog_name=postfix/submission\n"
      "  -o { smtpd_helo_required = no }\n"
      "127.0.0.1:10025 inet n - n - - smtpd\n"
      "pickup unix n - y 60 1 pickup\n";
  host.read();
  CHECK(host.made.value("service.smtp.smtpd_timeout") == "60s");
  CHECK(host.made.value("service.submission.smtpd_helo_required") == "no");
  CHECK(host.made.value("submissions_port") == "0");
  CHECK_FALSE(host.made.is_set("submission_port"));
  auto told = host.told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("7: 127.0.0.1:10025 inet smtpd: there is no service"));
}

TEST_CASE("settings that double each other's values are expanded to a bounded length") {
  Host host;
  std::string text = "a0 = " + std::string(100, 'x') + "\n";
  for (int i = 1; i <= 30; ++i) {
    auto before = "$a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + " = " + before + before + "\n";
  }
  host.files["/etc/postfix/main.cf"] = text + "mydestination = $a30\n";
  host.read();
  auto value = host.made.value("mydestination");
  CHECK(value.size() > 30'000);
  CHECK(value.size() <= 65'536);
}
