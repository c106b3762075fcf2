#include "smtpd/migration/dovecot.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Host {
  std::map<std::string, std::string> files;
  Migration made{"/etc/pennypost"};

  Result<void> read() {
    DovecotFiles access;
    access.read = [this](const std::string& path) -> Result<std::optional<std::string>> {
      auto found = files.find(path);
      if (found == files.end()) return std::optional<std::string>();
      return std::optional(found->second);
    };
    access.list = [this](const std::string& pattern) {
      std::vector<std::string> paths;
      auto folder = pattern.substr(0, pattern.find('*'));
      for (const auto& [path, text] : files) {
        if (path.starts_with(folder)) paths.push_back(path);
      }
      return paths;
    };
    return read_dovecot("/d/dovecot.conf", access, made);
  }
  std::vector<std::string> told() const {
    std::vector<std::string> lines;
    for (const auto& one : made.unmatched()) {
      lines.push_back(one.place.file + ":" + std::to_string(one.place.line) + ": " + one.text);
    }
    return lines;
  }
};

}  // namespace

TEST_CASE("a home that is given by ~ or %h is put in once") {
  Host host;
  host.files["/d/dovecot.conf"] =
      "mail_location = maildir:~/Maildir:LAYOUT=fs:INDEX=~/index:CONTROL=%h/lists\n"
      "passdb {\n  driver = passwd-file\n  args = scheme=plain /d/users\n}\n"
      "userdb {\n  driver = static\n  args = uid=vmail gid=vmail home=/srv/%h\n}\n";
  host.files["/d/users"] = "ann@example.org:{PLAIN}secret\n";
  REQUIRE(host.read());
  CHECK(host.made.value("virtual_mail_location") ==
        "maildir:/srv/%h/Maildir:LAYOUT=fs:INDEX=/srv/%h/index:CONTROL=/srv/%h/lists");
}

TEST_CASE("a host of virtual users keeps their homes, mailboxes, names and passwords") {
  Host host;
  host.files["/d/dovecot.conf"] = "protocols = imap pop3 lmtp\n!include conf.d/*.conf\n";
  host.files["/d/conf.d/10.conf"] =
      "mail_location = maildir:~/Maildir # usual\n"
      "namespace inbox {\n  inbox = yes\n  prefix = INBOX.\n  separator = .\n"
      "  mailbox \"Sent Items\" {\n    special_use = \\Sent\n  }\n}\n"
      "passdb {\n  driver = passwd-file\n  args = scheme=plain /d/users\n}\n"
      "userdb {\n  driver = static\n  args = uid=vmail gid=vmail home=/srv/mail/%d/%n\n}\n"
      "protocol pop3 {\n  pop3_uidl_format = %f\n}\n"
      "service imap-login {\n  inet_listener imap {\n    port = 1143\n  }\n}\n"
      "ssl_cert = </etc/ssl/a.pem\nplugin {\n  quota_rule = *:storage=1G\n  acl = vfile\n}\n";
  host.files["/d/users"] =
      "ann@example.org:{PLAIN}secret::::::userdb_quota_rule=*:storage=2G "
      "userdb_admin=y\nbob@example.org:pw\n"
      "carl:x\n";
  REQUIRE(host.read());
  const auto& made = host.made;
  CHECK(made.value("virtual_mail_location") == "maildir:/srv/mail/%d/%n/Maildir");
  CHECK(made.value("virtual_mailbox_base") == "/srv/mail");
  CHECK(made.value("virtual_mail_owner") == "vmail");
  CHECK(made.value("namespace_prefix") == "INBOX.");
  CHECK(made.value("imap_special_use") == "Sent Items=\\Sent");
  CHECK(made.value("service.pop3.pop3_uidl_format") == "%f");
  CHECK(made.value("imap_port") == "1143");
  CHECK(made.value("ssl_cert") == "/etc/ssl/a.pem");
  CHECK(made.value("quota_rule") == "*:storage=1G");
  CHECK(made.value("protocols") == "imap, pop3");
  CHECK(made.value("system_users") == "no");
  CHECK(made.tables().at("users").text.starts_with(
      "ann@example.org\thome=/srv/mail/example.org/ann quota_rule=*:storage=2G admin=yes\n"));
  CHECK(made.tables().at("credentials").text ==
        "ann@example.org\t{PLAIN}secret\nbob@example.org\t{plain}pw\n");
  CHECK(made.tables().at("credentials").kind == MigratedTable::Kind::Secret);
  CHECK(host.told() ==
        std::vector<std::string>{"/d/conf.d/10.conf:29: acl = vfile", "/d/users:3: carl"});
}

TEST_CASE("folders within each other and lists elsewhere stay where they are; groups come along") {
  Host host;
  host.files["/d/dovecot.conf"] =
      "mail_location = maildir:~/M:LAYOUT=fs:CONTROL=~/lists:INDEX=/i/%u\n"
      "passdb {\n  driver = passwd-file\n  args = scheme=plain /d/users\n}\n"
      "userdb {\n  driver = static\n  args = uid=vmail gid=vmail home=/srv/mail/%d/%n\n}\n";
  host.files["/d/users"] = "ann@example.org:pw::::::userdb_acl_groups=staff,ops\n";
  REQUIRE(host.read());
  CHECK(host.made.value("virtual_mail_location") ==
        "maildir:/srv/mail/%d/%n/M:LAYOUT=fs:CONTROL=/srv/mail/%d/%n/lists:INDEX=/i/%u");
  CHECK(host.made.tables().at("users").text ==
        "ann@example.org\thome=/srv/mail/example.org/ann acl_groups=staff,ops\n");
  CHECK(host.told().empty());
}

TEST_CASE("the plugin listescape becomes LISTESCAPE in mail_location, with its character") {
  struct Case {
    std::string plugins;
    std::string character;
    std::string item;
  };
  for (const auto& one :
       {Case{"mail_plugins = quota listescape\n", "", ":LISTESCAPE=\\"},
        {"mail_plugins = listescape\n", "  listescape_char = +\n", ":LISTESCAPE=+"},
        {"protocol imap {\n  mail_plugins = $mail_plugins listescape\n}\n",
         "  listescape_char = \"\\\\\"\n", ":LISTESCAPE=\\"},
        {"mail_plugins = quota\n", "  listescape_char = +\n", ""}}) {
    CAPTURE(one.plugins);
    Host host;
    host.files["/d/dovecot.conf"] =
        "mail_location = maildir:~/Maildir\nuserdb {\n  driver = passwd\n}\n"
        "passdb {\n  driver = pam\n}\n" +
        one.plugins + "plugin {\n" + one.character + "}\n";
    REQUIRE(host.read());
    CHECK(host.made.value("mail_location") == "maildir:~/Maildir" + one.item);
    CHECK(host.told().empty());
  }
}

TEST_CASE("a host of system users keeps mail_location as it is") {
  Host host;
  host.files["/d/dovecot.conf"] =
      "mail_location = mbox:~/mail:INBOX=/var/mail/%{user}\npassdb {\n  driver = pam\n}\n"
      "userdb {\n  driver = passwd\n}\n";
  REQUIRE(host.read());
  CHECK(host.made.value("mail_location") == "mbox:~/mail:INBOX=/var/mail/%u");
  CHECK(host.made.value("system_users") == "yes");
  CHECK_FALSE(host.made.is_set("virtual_mail_location"));
}

TEST_CASE("what can't be read says where, and a place of mail that is not known is told") {
  Host host;
  host.files["/d/dovecot.conf"] = "a = b\n}\n";
  auto done = host.read();
  REQUIRE_FALSE(done);
  CHECK(done.error().text() == "/d/dovecot.conf:2: a } closes no section");
  host.files["/d/dovecot.conf"] = "namespace {\n";
  CHECK_FALSE(host.read());
  Host other;
  other.files["/d/dovecot.conf"] =
      "mail_location = mdbox:~/mdbox\nuserdb {\n  driver = passwd\n}\n";
  REQUIRE(other.read());
  CHECK_FALSE(other.made.is_set("mail_location"));
  CHECK(other.told().size() == 1);
}

TEST_CASE(
    "files that include each other twice are not read without end; a last line may go on into "
    "nothing") {
  Host host;
  host.files["/d/dovecot.conf"] = "!include a\n!include a\n";
  host.files["/d/a"] = "!include dovecot.conf\n!include_try dovecot.conf\n!include_try none\n";
  for (int i = 0; i < 9; ++i) {
    auto name = "/d/" + std::to_string(i);
    for (int k = 0; k < 4; ++k) host.files[name] += "!include " + std::to_string(i + 1) + "\n";
  }
  host.files["/d/9"] = "protocols = imap \\";
  auto deep = host.read();
  REQUIRE_FALSE(deep);
  CHECK(deep.error().text() == "/d/a: files include each other too deeply");
  host.files["/d/dovecot.conf"] = "!include 0\n";
  auto many = host.read();
  REQUIRE_FALSE(many);
  CHECK(many.error().text().ends_with(": more than 1000 files are included"));
  host.files["/d/dovecot.conf"] = "!include 9\n";
  CHECK(host.read());
  CHECK(host.made.value("protocols") == "imap");
}
