#include "common/config/edit.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/config/config.h"

using namespace pennypost;

namespace {

LoadOptions on_a_host() {
  LoadOptions options;
  options.system = System{"mail.example.com", true, {}};
  return options;
}

std::string after(std::string_view toml, SettingEdit::Kind kind, std::string_view text) {
  auto edit = SettingEdit::parse(kind, text);
  if (!edit) return edit.error().text();
  auto result = edit_toml(toml, {*edit}, on_a_host());
  return result ? *result : result.error().text();
}

}  // namespace

TEST_CASE("an edit changes its value and no other byte") {
  struct Row {
    const char* before;
    SettingEdit::Kind kind;
    const char* edit;
    const char* after;
  };
  const Row rows[] = {
      {"# top\nmyhostname = 'a.example'  # mine\n\n", SettingEdit::Set, "myhostname=b.example",
       "# top\nmyhostname = \"b.example\"  # mine\n\n"},
      {"relayhost   =   \"\"#c\nmyhostname=\"a.example\"", SettingEdit::Set,
       "relayhost = [r.example]", "relayhost   =   \"[r.example]\"#c\nmyhostname=\"a.example\""},
      {"mynetworks = [ # lan\n  \"10.0.0.0/8\", # one\n  \"127.0.0.0/8\"\n] # end\nrole = "
       "\"relay\"\n",
       SettingEdit::Set, "mynetworks=10.0.0.0/8",
       "mynetworks = \"10.0.0.0/8\" # end\nrole = \"relay\"\n"},
      {"smtp_port = 25 # \xc3\xa4\n", SettingEdit::Set, "smtp_port=2025",
       "smtp_port = 2025 # \xc3\xa4\n"},
      {"login_greeting = \"\xc3\xa4\xe2\x82\xac\" # \xc3\xa4\n", SettingEdit::Set,
       "login_greeting=x", "login_greeting = \"x\" # \xc3\xa4\n"},
      {"login_greeting = \"\"\"a\nb\"\"\" # c\nrelayhost=\"\"\n", SettingEdit::Set,
       "login_greeting=q\"\\", "login_greeting = \"q\\\"\\\\\" # c\nrelayhost=\"\"\n"},
      {"soft_bounce = true\r\nrelayhost = \"\"\r\n", SettingEdit::Set, "soft_bounce=no",
       "soft_bounce = \"no\"\r\nrelayhost = \"\"\r\n"},
      {"", SettingEdit::Set, "relayhost=[r.example]", "relayhost = \"[r.example]\"\n"},
      {"# only", SettingEdit::Set, "smtp_port=0", "# only\nsmtp_port = 0\n"},
      {"role = \"relay\"\n\n# mail users\n[service.submission]\nsmtpd_timeout = \"5s\"\n",
       SettingEdit::Set, "relayhost=r.example",
       "role = \"relay\"\nrelayhost = \"r.example\"\n\n# mail users\n[service.submission]\n"
       "smtpd_timeout = \"5s\"\n"},
      {"[service.submission]\nsmtpd_timeout = \"5s\" # x\n\n[service.smtp]\n", SettingEdit::Set,
       "service.submission.smtpd_timeout=6s",
       "[service.submission]\nsmtpd_timeout = \"6s\" # x\n\n[service.smtp]\n"},
      {"[service.submission]\nsmtpd_timeout = \"5s\" # x\n\n[service.smtp]\n", SettingEdit::Set,
       "service.submission.smtpd_helo_required=no",
       "[service.submission]\nsmtpd_timeout = \"5s\" # x\nsmtpd_helo_required = \"no\"\n\n"
       "[service.smtp]\n"},
      {"role = \"relay\"", SettingEdit::Set, "service.smtp.smtpd_timeout=6s",
       "role = \"relay\"\n\n[service.smtp]\nsmtpd_timeout = \"6s\"\n"},
      {"a = 1\nb = 2\n", SettingEdit::Set, "smtp_port=0", "a = 1\nb = 2\nsmtp_port = 0\n"},
      {"#relayhost = \"\"\n\n# b\n#smtp_port = 25\n\n#[service.smtp]\n#smtpd_timeout = \"5s\"\n",
       SettingEdit::Set, "relayhost=r.example",
       "#relayhost = \"\"\nrelayhost = \"r.example\"\n\n# b\n#smtp_port = 25\n\n#[service.smtp]\n"
       "#smtpd_timeout = \"5s\"\n"},
      {"#[service.smtp]\n#smtpd_timeout = \"5s\"\n", SettingEdit::Set, "smtpd_timeout=6s",
       "#[service.smtp]\n#smtpd_timeout = \"5s\"\nsmtpd_timeout = \"6s\"\n"},
      {"role = \"relay\" # r\nsmtp_port = 25\n", SettingEdit::Remove, "role", "smtp_port = 25\n"},
      {"role = \"relay\" # r\nsmtp_port = 25\n", SettingEdit::CommentOut, "role",
       "# role = \"relay\" # r\nsmtp_port = 25\n"},
      {"mynetworks = [\n \"10.0.0.0/8\"\n]\nsmtp_port = 25", SettingEdit::CommentOut, "mynetworks",
       "# mynetworks = [\n#  \"10.0.0.0/8\"\n# ]\nsmtp_port = 25"},
      {"smtp_port = 25", SettingEdit::Remove, "smtp_port", ""},
      {"smtp_port = 25\n", SettingEdit::Remove, "relayhost", "smtp_port = 25\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.edit);
    CHECK(after(row.before, row.kind, row.edit) == row.after);
  }
}

TEST_CASE("an edit of a section of one's own changes its value and no other byte") {
  struct Row {
    const char* before;
    SettingEdit::Kind kind;
    const char* edit;
    const char* after;
  };
  const Row rows[] = {
      {"smtp_port = 25\n", SettingEdit::Set, "transport.slow.kind=smtp",
       "smtp_port = 25\n\n[transport.slow]\nkind = \"smtp\"\n"},
      {"[transport.slow]\nkind = \"smtp\" # x\n\n[service.smtp]\n", SettingEdit::Set,
       "transport.slow.destination_rate_delay=5s",
       "[transport.slow]\nkind = \"smtp\" # x\ndestination_rate_delay = \"5s\"\n\n"
       "[service.smtp]\n"},
      {"[service.back]\nkind = \"smtp\"\nport = 10025\n", SettingEdit::Set,
       "service.back.port=10026", "[service.back]\nkind = \"smtp\"\nport = \"10026\"\n"},
      {"[transport.slow]\nkind = \"smtp\"\nsmtp_helo_name = \"x\"\n", SettingEdit::Remove,
       "transport.slow.smtp_helo_name", "[transport.slow]\nkind = \"smtp\"\n"},
      {"[transport.slow]\nkind = \"smtp\"\nsmtp_helo_name = \"x\"\n", SettingEdit::CommentOut,
       "transport.slow.smtp_helo_name",
       "[transport.slow]\nkind = \"smtp\"\n# smtp_helo_name = \"x\"\n"},
      {"smtp_port = 0\n\n[transport.slow]\nkind = \"smtp\"\n", SettingEdit::Set,
       "slow_destination_rate_delay=5s",
       "smtp_port = 0\nslow_destination_rate_delay = \"5s\"\n\n[transport.slow]\nkind = "
       "\"smtp\"\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.edit);
    CHECK(after(row.before, row.kind, row.edit) == row.after);
  }
}

TEST_CASE("a wrong value or name changes nothing and is told") {
  struct Row {
    const char* before;
    const char* edit;
    const char* error;
  };
  const Row rows[] = {
      {"", "smtp_port=70000",
       "smtp_port: \"70000\" is out of range; the value must lie between 0 and 65535"},
      {"", "relay_host=x", "unknown setting \"relay_host\"; did you mean relayhost?"},
      {"", "relayhost", "relayhost: no value; write name=value"},
      {"", "myorigin=$mydomian",
       "myorigin: $mydomian: unknown setting \"mydomian\"; did you mean mydomain? ($$ is a "
       "dollar)"},
      {"", "service.submision.smtpd_timeout=1s",
       "service.submision.smtpd_timeout: unknown service; write service.submission.name, or begin "
       "one of your own with service.submision.kind=smtp"},
      {"", "service.smtp=1",
       "service.smtp=1: names no setting of a section; write service.submission.name or "
       "transport.slow.key"},
      {"", "transport.slow.smtp_connect_timeout=1s",
       "transport.slow.smtp_connect_timeout: there is no such section; begin it with "
       "transport.slow.kind=smtp"},
      {"", "transport.slow.kind=uucp",
       "/etc/pennypost/main.toml:3: [transport.slow]: kind is one of: smtp, relay, lmtp, pipe, "
       "local, virtual, error, retry, discard"},
      {"[transport.slow]\nkind = \"smtp\"\n", "transport.slow.smtp_connect_timeout=soon",
       "/etc/pennypost/main.toml:3: smtp_connect_timeout: \"soon\" is not a time; write 300s, "
       "5m, 1h, 1d or 1w"},
      {"[transport.slow]\nkind = \"smtp\"\n", "transport.slow.myorigin=a.b",
       "/etc/pennypost/main.toml:3: transport.slow.myorigin: is no key of kind smtp, which takes "
       "smtp_ settings, and limits such as destination_concurrency_limit"},
      {"", "slow_destination_rate_delay=1s",
       "unknown setting \"slow_destination_rate_delay\"; did you mean "
       "smtp_destination_rate_delay?"},
      {"", "service.smtp.queue_directory=/q",
       "queue_directory has one value for the whole host; leave out service.smtp."},
  };
  for (const Row& row : rows) CHECK(after(row.before, SettingEdit::Set, row.edit) == row.error);
  CHECK(after("role = \n", SettingEdit::Set, "smtp_port=1")
            .starts_with("/etc/pennypost/main.toml:1: the value is missing"));
  std::string inline_table =
      "service = { smtp = { smtpd_timeout = \"1s\", smtpd_banner = \"x\" } }\n";
  CHECK(after(inline_table, SettingEdit::Remove, "service.smtp.smtpd_timeout")
            .find("edit it by hand") != std::string::npos);
}

TEST_CASE("a section of one's own is made in one command, in whatever order its keys are named") {
  std::vector<SettingEdit> edits;
  for (const char* text :
       {"service.back.port=10025", "service.back.smtpd_timeout=9s", "service.back.kind=smtp"}) {
    auto edit = SettingEdit::parse(SettingEdit::Set, text);
    REQUIRE(edit);
    edits.push_back(*std::move(edit));
  }
  auto text = edit_toml("smtp_port = 25\n", edits, on_a_host());
  REQUIRE_MESSAGE(text, text.error().text());
  CHECK(*text ==
        "smtp_port = 25\n\n[service.back]\nkind = \"smtp\"\nport = \"10025\"\nsmtpd_timeout = "
        "\"9s\"\n");
}

TEST_CASE("several edits are one change of the file, which keeps its mode") {
  std::string directory = "/tmp/unit-edit-XXXXXX";
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  LoadOptions options = on_a_host();
  options.directory = directory;
  std::string path = directory + "/main.toml";
  auto text = [&] {
    std::ifstream stream(path);
    std::ostringstream content;
    content << stream.rdbuf();
    return content.str();
  };
  SettingEdit hostname{SettingEdit::Set, {}, "myhostname", "$mydomain"};
  SettingEdit domain{SettingEdit::Set, {}, "mydomain", "example.org"};
  REQUIRE(edit_file({hostname, domain}, options));
  CHECK(text() == "myhostname = \"$mydomain\"\nmydomain = \"example.org\"\n");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  SettingEdit bad_port{SettingEdit::Set, {}, "smtp_port", "x"};
  CHECK_FALSE(edit_file({domain, bad_port}, options));
  CHECK(text() == "myhostname = \"$mydomain\"\nmydomain = \"example.org\"\n");
  SettingEdit remove{SettingEdit::Remove, {}, "myhostname"};
  REQUIRE(edit_file({remove}, options));
  CHECK(text() == "mydomain = \"example.org\"\n");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(directory), {}) == 1);
  std::filesystem::remove_all(directory);
  CHECK_FALSE(edit_file({domain}, options));
}

TEST_CASE(
    "a list with an item that means nothing changes nothing, and is told what would be right") {
  struct Row {
    const char* edit;
    const char* words;
  };
  for (const Row& row :
       {Row{"protocols=imap, foo", "protocols: \"foo\" is not one of: imap, pop3, sieve, none"},
        Row{"inet_protocols=ipv5", "inet_protocols: \"ipv5\" is not one of: all, ipv4, ipv6"},
        Row{"mynetworks=10.0.0.1/8", "\"10.0.0.1/8\" has bits beyond its length; write 10.0.0.0/8"},
        Row{"mynetworks=300.1.1.1/8", "\"300.1.1.1/8\" is not an address"},
        Row{"mynetworks=hash:relative", "needs an absolute path"},
        Row{"relay_domains=nis:x", "NIS maps are not supported"},
        Row{"dns_servers=ns.example.com", "\"ns.example.com\" is not an address"},
        Row{"mydestination=a b}", "a } without a {"}}) {
    CAPTURE(row.edit);
    auto text = after("", SettingEdit::Set, row.edit);
    CAPTURE(text);
    CHECK(text.find(row.words) != text.npos);
  }
  // What another setting decides is not the value's own fault: they are set one by one.
  CHECK(after("", SettingEdit::Set, "role=null-client") == "role = \"null-client\"\n");
  CHECK(after("", SettingEdit::Set, "relay_domains=/etc/names") ==
        "relay_domains = \"/etc/names\"\n");
}
