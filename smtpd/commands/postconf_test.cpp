#include "smtpd/commands/postconf.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

using namespace pennypost::smtp;

namespace {

/// A configuration directory, and postconf run on it.
class Host {
 public:
  explicit Host(const std::string& toml) {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    std::ofstream(directory_ + "/main.toml") << toml;
  }
  ~Host() { std::filesystem::remove_all(directory_); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  int run(std::vector<std::string> args) {
    args.insert(args.begin(), {"-c", directory_});
    std::ostringstream out;
    std::ostringstream err;
    int status = postconf(args, out, err);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string file() const {
    std::ifstream stream(directory_ + "/main.toml");
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_ = "/tmp/unit-postconf-XXXXXX";
  std::string out_;
  std::string err_;
};

const char* const main_toml =
    "# ours\nmyhostname = \"mail.example.com\"\nmyorigin = \"$mydomain\"\nrelayhost = \"\"\n"
    "mynetworks = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n"
    "[service.submission]\nsmtpd_timeout = \"60s\"\n";

}  // namespace

TEST_CASE("postconf prints settings as written, or expanded") {
  Host host(main_toml);
  CHECK(host.run({"myorigin", "relayhost", "mynetworks", "myhostname"}) == 0);
  CHECK(host.out() ==
        "myorigin = $mydomain\nrelayhost =\nmynetworks = 127.0.0.0/8, 10.0.0.0/8\n"
        "myhostname = mail.example.com\n");
  CHECK(host.run({"-x", "myorigin"}) == 0);
  CHECK(host.out() == "myorigin = example.com\n");
  CHECK(host.run({"-xh", "myorigin"}) == 0);
  CHECK(host.out() == "example.com\n");
  CHECK(host.run({"-d", "myorigin"}) == 0);
  CHECK(host.out() == "myorigin = $myhostname\n");
  CHECK(host.run({"-H", "myorigin"}) == 0);
  CHECK(host.out() == "myorigin\n");
  CHECK(host.run({"service.submission.smtpd_timeout", "smtpd_timeout"}) == 0);
  CHECK(host.out() == "service.submission.smtpd_timeout = 60s\nsmtpd_timeout = 300s\n");
  CHECK(host.run({"-o", "myorigin=x.example", "myorigin"}) == 0);
  CHECK(host.out() == "myorigin = x.example\n");
  CHECK(host.run({"config_directory"}) == 0);
  CHECK(host.out() == "config_directory = " + host.directory() + "\n");
}

TEST_CASE("postconf -n prints what the file sets, postconf alone everything") {
  Host host(main_toml);
  CHECK(host.run({"-n"}) == 0);
  CHECK(host.out() ==
        "myhostname = mail.example.com\nmynetworks = 127.0.0.0/8, 10.0.0.0/8\nmyorigin = "
        "$mydomain\nrelayhost =\nservice.submission.smtpd_timeout = 60s\n");
  CHECK(host.run({}) == 0);
  CHECK(host.out().find("\nhopcount_limit = 50\n") != std::string::npos);
  CHECK(host.out().find("\nservice.submission.smtpd_sasl_auth_enable = yes\n") !=
        std::string::npos);
  CHECK(host.err().empty());
}

TEST_CASE("postconf answers an unknown name with the nearest, and exits 1") {
  Host host(main_toml);
  CHECK(host.run({"relay_host", "hopcount_limit"}) == 1);
  CHECK(host.out() == "hopcount_limit = 50\n");
  CHECK(host.err() ==
        "postconf: warning: unknown setting \"relay_host\"; did you mean relayhost?\n");
  CHECK(host.run({"-Q"}) == 1);
  CHECK(host.err().find("unknown option -Q") != std::string::npos);
}

TEST_CASE("postconf -e changes in place, -# and -X take away, and a wrong value changes nothing") {
  Host host(main_toml);
  CHECK(host.run({"-e", "relayhost = [smtp1.example.com]"}) == 0);
  CHECK(host.run({"myorigin=$myhostname"}) == 0);
  CHECK(host.file() ==
        "# ours\nmyhostname = \"mail.example.com\"\nmyorigin = \"$myhostname\"\nrelayhost = "
        "\"[smtp1.example.com]\"\nmynetworks = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n"
        "[service.submission]\nsmtpd_timeout = \"60s\"\n");
  CHECK(host.run({"-#", "relayhost"}) == 0);
  CHECK(host.file().find("\n# relayhost = \"[smtp1.example.com]\"\n") != std::string::npos);
  CHECK(host.run({"-X", "myorigin"}) == 0);
  CHECK(host.file().find("myorigin") == std::string::npos);
  std::string before = host.file();
  CHECK(host.run({"-e", "smtp_port=many"}) == 1);
  CHECK(host.err() == "postconf: fatal: smtp_port: \"many\" is not a number; write only digits\n");
  CHECK(host.file() == before);
  CHECK(host.run({"-e", "role=null-client"}) == 0);
  CHECK(host.err().find("main.toml:5: relayhost") == std::string::npos);
  CHECK(host.err().find("relayhost: a null client needs the host") != std::string::npos);
}

TEST_CASE("postconf -b shows the texts of reports, and -t what they are made of") {
  Host host("myhostname = \"mx.example\"\nmydomain = \"example\"\ndelay_warning_time = \"4h\"\n");
  CHECK(host.run({"-b"}) == 0);
  CHECK(host.out().starts_with(
      "expanded_failure_text = <<EOF\nThis is the mail system at host mx.example.\n"));
  CHECK(host.run({"-t"}) == 0);
  CHECK(host.out().find("This is the mail system at host $myhostname.\n") != std::string::npos);
  std::string file = host.path("templates");
  std::ofstream(file)
      << "delay_template = <<EOF\nSubject: late\n\n"
         "late by $delay_warning_time_minutes min of $maximal_queue_lifetime_days d\nEOF\n";
  CHECK(host.run({"-b", file}) == 0);
  CHECK(host.out().find("expanded_delay_text = <<EOF\nlate by 240 min of 5 d\nEOF\n") !=
        std::string::npos);
  CHECK(host.run({"-e", "bounce_template_file=" + file}) == 0);
  CHECK(host.run({"-t"}) == 0);
  CHECK(host.out().find("Subject: late\n") != std::string::npos);
  CHECK(host.run({"-t", ""}) == 0);  // an empty word: the built-in ones
  CHECK(host.out().find("Subject: late\n") == std::string::npos);
  std::ofstream(file) << "\ndelay_template = <<EOF\n";
  CHECK(host.run({"-b"}) == 1);
  CHECK(host.err() == "postconf: fatal: " + file + ":2: no line \"EOF\" ends this template\n");
  CHECK(host.run({"-b", "/no/such/file"}) == 1);
  CHECK(host.run({"-b", "one", "two"}) == 1);
}

TEST_CASE("postconf -M, -F and -P show services and transports as master.cf has them") {
  Host host(
      "role = \"relay\"\nmyhostname = \"mx.example\"\nsubmission_port = \"587\"\n"
      "[service.submission]\nsmtpd_timeout = \"60s\"\n"
      "[service.inner]\nkind = \"smtp\"\nport = \"10025\"\ncontent_filter = \"\"\n"
      "[transport.archive]\nkind = \"pipe\"\nuser = \"nobody\"\nargv = \"/bin/cat ${sender}\"\n");
  CHECK(host.run({"-M"}) == 0);
  CHECK(host.err().empty());
  CHECK(
      host.out().starts_with("smtp       inet  n  -  y  -  -  smtpd\n"
                             "submission inet  n  -  y  -  -  smtpd\n"
                             "    -o smtpd_timeout=60s\n"
                             "10025      inet  n  -  y  -  -  smtpd\n"
                             "    -o content_filter=\n"));
  CHECK(
      host.out().ends_with("archive    unix  -  -  n  -  -  pipe\n"
                           "    -o { argv = /bin/cat ${sender} }\n    -o user=nobody\n"));
  CHECK(host.run({"-P", "submission/inet"}) == 0);
  CHECK(host.out() == "submission/inet/smtpd_timeout = 60s\n");
  CHECK(host.run({"-F", "archive/unix/command", "smtp/inet/chroot"}) == 0);
  CHECK(host.out() == "smtp/inet/chroot = y\narchive/unix/command = pipe\n");
  CHECK(host.run({"-M", "uucp/unix"}) == 1);
  CHECK(host.err() ==
        "postconf: fatal: no service or transport \"uucp/unix\"; postconf -M lists "
        "them\n");
  CHECK(host.run({"-eM", "smtp/inet=x"}) == 1);
}

TEST_CASE("postconf --topics lists topics, and the settings of one with a sentence each") {
  Host host("");
  CHECK(host.run({"--topics"}) == 0);
  CHECK(host.out().starts_with("role: What this host is"));
  CHECK(host.run({"--topics", "pop3"}) == 0);
  CHECK(host.out().starts_with("# POP3\n\n# "));
  CHECK(host.out().find("\npop3_idle_timeout = ") != std::string::npos);
  CHECK(host.out().find("imap_idle_timeout") == std::string::npos);
  CHECK(host.run({"--topics", "pop"}) == 1);
  CHECK(host.err() == "postconf: fatal: no topic \"pop\"; postconf --topics lists them\n");
}
