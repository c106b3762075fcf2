#include "popd/session.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::pop;

namespace {

/// A Maildir with messages, a session on it, and what the server says.
class Mail {
 public:
  Mail() {
    mkdtemp(root_.data());
    for (const char* folder : {"cur", "new", "tmp"}) {
      std::filesystem::create_directories(root_ + "/Maildir/" + folder);
    }
  }
  Mail(const Mail&) = delete;
  Mail& operator=(const Mail&) = delete;
  ~Mail() { std::filesystem::remove_all(root_); }

  void write_uidlist(const std::string& text) {
    std::ofstream(root_ + "/Maildir/dovecot-uidlist") << text;
  }
  void add(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/Maildir/new/" + name) << text;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const char* folder : {"cur", "new"}) {
      for (const auto& entry : std::filesystem::directory_iterator(root_ + "/Maildir/" + folder)) {
        count += entry.is_regular_file() ? 1 : 0;
      }
    }
    return count;
  }

  std::string say(const std::string& lines, const std::vector<std::string>& settings = {}) {
    auto drop = Maildrop::open("maildir:" + root_ + "/Maildir", {});
    REQUIRE(drop);
    Loop loop;
    auto [server, peer] = memory_streams(loop);
    Connection connection(loop, std::move(server), Duration(1000));
    peer->try_write(lines);
    peer->shut_down();
    Session session(connection, config_for_test(settings), Service::Pop3, **drop, "bob");
    loop.run_until(run(session));
    std::string bytes(1'000'000, '\0');
    auto count = peer->try_read(bytes);
    return bytes.substr(0, count.value_or(0));
  }

 private:
  static Task<> run(Session& session) {
    try {
      co_await session.serve();
    } catch (const Disconnected&) {
    }
  }
  std::string root_ = "/tmp/pennypost-popd-test-XXXXXX";
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("STAT, LIST and RETR count octets with CRLF line ends, and RETR doubles dots") {
  Mail mail;
  mail.add("1.a", "Subject: one\n\n.dot\nend\n");
  CHECK(mail.say("STAT\r\nLIST\r\nLIST 1\r\nRETR 1\r\n") ==
        "+OK 1 27\r\n+OK 1 messages:\r\n1 27\r\n.\r\n+OK 1 27\r\n"
        "+OK 27 octets\r\nSubject: one\r\n\r\n..dot\r\nend\r\n.\r\n");
}

TEST_CASE("LIST and RETR give all of a message though its file name claims a smaller size") {
  Mail mail;
  std::string line(998, 'x');
  std::string text = "Subject: long\n\n";
  for (int i = 0; i < 600; ++i) text += line + "\n";
  mail.add("1.a,S=20,W=20", text + "the end\n");
  CHECK(has(mail.say("LIST 1\r\n"), "+OK 1 600026\r\n"));
  auto said = mail.say("RETR 1\r\n");
  CHECK(said.size() > 600 * 1000);
  CHECK(said.ends_with("x\r\nthe end\r\n.\r\n"));
}

TEST_CASE("TOP shows the header and as many lines as asked for") {
  Mail mail;
  mail.add("1.a", "A: b\n\none\ntwo\n");
  CHECK(mail.say("TOP 1 1\r\nTOP 1\r\nTOP 9 1\r\n") ==
        "+OK \r\nA: b\r\n\r\none\r\n.\r\n-ERR TOP needs a message number and a number of "
        "lines.\r\n-ERR There's no message 9.\r\n");
}

TEST_CASE("unique ids stay the same over sessions, and no two messages share one") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "y\n");
  auto first = mail.say("UIDL\r\n");
  CHECK(mail.say("UIDL\r\n") == first);
  auto one = mail.say("UIDL 1\r\n");
  auto two = mail.say("UIDL 2\r\n");
  CHECK(one.substr(6) != two.substr(6));
  CHECK(has(first, one.substr(4)));
}

TEST_CASE("after a switch from Dovecot each message has the id that Dovecot gave it") {
  Mail mail;
  mail.add("1.a,S=9", "a: b\n\nx\n");
  mail.add("2.b", "a: b\n\nx\n");
  mail.add("3.c", "a: b\n\nx\n");
  mail.write_uidlist("3 V305419896 N300\n171 :1.a,S=9\n172 P0000abCD :2.b\n255 :3.c\n");
  CHECK(has(mail.say("UIDL\r\nUIDL 1\r\n"),
            "+OK \r\n1 000000ab12345678\r\n2 0000abCD\r\n3 000000ff12345678\r\n.\r\n"
            "+OK 1 000000ab12345678\r\n"));
  CHECK(has(mail.say("UIDL\r\n", {"pop3_uidl_format=%f"}),
            "+OK \r\n1 1.a,S=9\r\n2 0000abCD\r\n3 3.c\r\n.\r\n"));
}

TEST_CASE("a stored id that is not a valid unique id is not shown") {
  Mail mail;
  mail.add("1.a", "a: b\n\nx\n");
  mail.write_uidlist("3 V305419896 N300\n171 P\xff :1.a\n");
  CHECK(has(mail.say("UIDL\r\n"), "1 000000ab12345678\r\n"));
}

TEST_CASE("DELE takes effect at QUIT only") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "y\n");
  auto text = mail.say("DELE 1\r\nSTAT\r\nDELE 1\r\nRETR 1\r\nRSET\r\nSTAT\r\nDELE 2\r\n");
  CHECK(text ==
        "+OK Marked to be deleted.\r\n+OK 1 3\r\n-ERR Message is deleted.\r\n-ERR Message is "
        "deleted.\r\n+OK \r\n+OK 2 6\r\n+OK Marked to be deleted.\r\n");
  CHECK(mail.files() == 2);
  CHECK(has(mail.say("DELE 1\r\nQUIT\r\n"), "+OK Logging out, messages deleted.\r\n"));
  CHECK(mail.files() == 1);
}

TEST_CASE("a message longer than a piece comes back whole") {
  Mail mail;
  std::string body;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    body += ".line " + std::to_string(i) + "\n";
    expected += "..line " + std::to_string(i) + "\r\n";
  }
  mail.add("1.a", "A: b\n\n" + body);
  auto text = mail.say("RETR 1\r\nNOOP\r\n");
  CHECK(text.ends_with(expected + ".\r\n+OK \r\n"));
}

TEST_CASE("nonsense is answered, and too much of it ends the session") {
  Mail mail;
  CHECK(has(mail.say("FOO\r\n"), "-ERR Unknown command: FOO\r\n"));
  CHECK(has(mail.say("RETR\r\n"), "-ERR RETR needs a message number.\r\n"));
  CHECK(has(mail.say("RETR -1\r\n"), "-ERR Invalid message number: -1\r\n"));
  std::string many;
  for (int i = 0; i < 50; ++i) many += "FOO\r\n";
  CHECK(has(mail.say(many), "-ERR Too many bad commands.\r\n"));
}
