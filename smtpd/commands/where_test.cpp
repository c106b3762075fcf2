#include "smtpd/commands/where.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "smtpd/commands/mail_log.h"
#include "smtpd/commands/message_story.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string old_log =
    "Nov 28 10:00:00 mail pennypost/smtpd[1]: 4Zk2Qn1: client=mx[192.0.2.7]\n"
    "Nov 28 10:00:00 mail pennypost/cleanup[1]: 4Zk2Qn1: message-id=<one@far.example>\n"
    "Nov 28 10:00:00 mail pennypost/qmgr[2]: 4Zk2Qn1: from=<ann@far.example>, size=99, nrcpt=1 "
    "(queue "
    "active)\n";
const std::string new_log =
    "2026-11-29T10:00:05.123456+00:00 mail pennypost/smtp[3]: 4Zk2Qn1: to=<bob@x.example>, "
    "relay=none, "
    "delay=1, dsn=5.0.0, status=bounced (no)\n"
    "Nov 29 10:00:06 mail pennypost/bounce[2]: 4Zk2Qn1: sender non-delivery notification: 4Zk2Qn9\n"
    "Nov 29 10:00:06 mail pennypost/qmgr[2]: 4Zk2Qn1: removed\n"
    "Nov 29 10:00:06 mail pennypost/qmgr[2]: 4Zk2Qn9: from=<>, size=9, nrcpt=1 (queue active)\n"
    "Nov 29 10:00:07 mail pennypost/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.9]: 554 5.7.1 "
    "<x@y.example>: Relay access denied; from=<ann@far.example> to=<x@y.example> proto=ESMTP "
    "helo=<h>\n"
    "Nov 29 10:00:08 mail sshd[9]: not ours\nno line of a log\n"
    "Nov 29 10:00:09 mail pennypost/qmgr[2]: 4Zk2Qn8: from=<eve@far.example>, size=1, nrcpt=1 "
    "(queue "
    "active)";

class Logs {
 public:
  Logs() {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    gzFile file = gzopen((path() + ".2.gz").c_str(), "wb");
    gzwrite(file, old_log.data(), static_cast<unsigned>(old_log.size()));
    gzclose(file);
    std::ofstream(path()) << new_log;
    std::ofstream(path() + ".old") << "not a rotated file\n";
  }
  ~Logs() { std::filesystem::remove_all(directory_); }
  Logs(const Logs&) = delete;
  Logs& operator=(const Logs&) = delete;
  std::string path() const { return directory_ + "/mail.log"; }
  const std::string& directory() const { return directory_; }
  std::vector<MessageStory> search(const std::string& what) const {
    auto stories = LogSearch(what).run(MailLog::of_files(log_files(path(), 0)));
    REQUIRE(stories);
    return *stories;
  }

 private:
  std::string directory_ = "/tmp/unit-where-XXXXXX";
};

}  // namespace

TEST_CASE("a line of the log is taken apart, whatever its time looks like") {
  auto line = parse_log_line("Nov 28 10:00:00 mail pennypost/smtpd[1]: 4Zk2Qn1: client=mx");
  CHECK(line.time == "Nov 28 10:00:00");
  CHECK(line.component == "smtpd");
  CHECK(line.id == "4Zk2Qn1");
  CHECK(line.text == "client=mx");
  CHECK(parse_log_line("2026-11-29T10:00:05+00:00 mail a/b[3]: x").time ==
        "2026-11-29T10:00:05+00:00");
  CHECK(parse_log_line("Nov 28 10:00:00 mail pennypost/smtpd[1]: warning: x").id.empty());
  CHECK(parse_log_line("nothing").time.empty());
  CHECK(parse_log_line("]: ").time.empty());
  CHECK(parse_log_line("a[1]: b").time.empty());
}

TEST_CASE("a message's story goes through rotated and compressed files, and to its report") {
  Logs logs;
  CHECK(log_files(logs.path(), 0) == std::vector<std::string>{logs.path() + ".2.gz", logs.path()});
  auto stories = logs.search("4Zk2Qn1");
  REQUIRE(stories.size() == 2);
  CHECK(stories[0].lines.size() == 6);
  CHECK(stories[0].lines[0].text == "client=mx[192.0.2.7]");
  CHECK(stories[0].value("from") == "<ann@far.example>");
  CHECK(stories[0].value("client") == "mx[192.0.2.7]");
  CHECK(stories[0].value("message-id") == "<one@far.example>");
  CHECK(stories[1].id == "4Zk2Qn9");
}

TEST_CASE("an address and a Message-ID lead to their messages, and to what was refused") {
  Logs logs;
  auto stories = logs.search("ann@far.example");
  REQUIRE(stories.size() == 3);
  CHECK(stories[0].id == "4Zk2Qn1");
  CHECK(stories[2].id.empty());
  CHECK(stories[2].lines[0].text.starts_with("NOQUEUE: reject"));
  CHECK(logs.search("one@far.example").size() == 2);
  CHECK(logs.search("<one@far.example>").size() == 2);
  CHECK(logs.search("nn@far.example").empty());
  CHECK(logs.search("eve@far.example").size() == 1);  // its line has no end
}

TEST_CASE("log files that ended before the time are left out") {
  Logs logs;
  struct timespec times[2] = {{1000, 0}, {1000, 0}};
  utimensat(AT_FDCWD, (logs.path() + ".2.gz").c_str(), times, 0);
  CHECK(log_files(logs.path(), 2000) == std::vector<std::string>{logs.path()});
}

TEST_CASE("where prints stories as text and as JSON, and says when there are none") {
  Logs logs;
  std::ofstream(logs.directory() + "/main.toml")
      << "role = \"relay\"\nmyhostname = \"mx.example\"\nqueue_directory = \"" << logs.directory()
      << "/queue\"\nvirtual_mail_owner = \"nobody\"\nauth_user = \"nobody\"\nmaillog_file = \""
      << logs.path() << "\"\n";
  std::ostringstream out;
  std::ostringstream err;
  std::vector<std::string> args{"-c", logs.directory(), "4Zk2Qn1"};
  CHECK(where(args, out, err) == 0);
  CHECK(out.str().starts_with("4Zk2Qn1\n  Nov 28 10:00:00  smtpd: client=mx[192.0.2.7]\n"));
  out.str("");
  args = {"-c", logs.directory(), "--json", "x@y.example"};
  CHECK(where(args, out, err) == 0);
  CHECK(out.str().starts_with("{\"queue_id\": \"\", \"from\": \"ann@far.example\""));
  args = {"-c", logs.directory(), "nobody@nowhere.example"};
  CHECK(where(args, out, err) == 1);
  CHECK(err.str() == "pennypost where: the log says nothing of nobody@nowhere.example\n");
  args = {"-c", logs.directory(), "--log", "/nonexistent/log", "4Zk2Qn1"};
  CHECK(where(args, out, err) == 75);
  for (std::vector<std::string> wrong :
       {std::vector<std::string>{}, {"a", "b"}, {"--since", "soon", "a"}, {"--since"}}) {
    CHECK(where(wrong, out, err) == 64);
  }
}
