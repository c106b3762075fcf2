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

  std::string uidlist() const {
    std::ifstream file(root_ + "/Maildir/dovecot-uidlist");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string say(const std::string& lines, const std::vector<std::string>& settings = {},
                  bool has_utf8 = false) {
    auto config = config_for_test(settings);
    auto drop = Maildrop::open("maildir:" + root_ + "/Maildir", {},
                               MaildropRules::of(config->at(Service::Pop3)));
    REQUIRE(drop);
    Loop loop;
    auto [server, peer] = memory_streams(loop);
    Connection connection(loop, std::move(server), Duration(1000));
    peer->try_write(lines);
    peer->shut_down();
    Session session(connection, config, Service::Pop3, **drop, "bob", {nullptr, "", has_utf8});
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

TEST_CASE("pop3_deleted_flag keeps for IMAP what POP3 deletes, and no further session shows it") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "y\n");
  std::vector<std::string> settings{"pop3_deleted_flag=POP3Deleted"};
  CHECK(has(mail.say("DELE 1\r\nQUIT\r\n", settings), "+OK Logging out, messages deleted.\r\n"));
  CHECK(mail.files() == 2);
  CHECK(mail.say("STAT\r\n", settings) == "+OK 1 3\r\n");
  CHECK(mail.say("STAT\r\n") == "+OK 2 6\r\n");
  settings.emplace_back("pop3_delete_type=expunge");
  mail.say("DELE 1\r\nQUIT\r\n", settings);
  CHECK(mail.files() == 1);
}

TEST_CASE("pop3_save_uidl keeps the ids that UIDL has shown, whatever the format is later") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "y\n");
  auto before = mail.say("UIDL\r\n", {"pop3_uidl_format=%f", "pop3_save_uidl=yes"});
  CHECK(has(before, "1 1.a\r\n2 2.b\r\n"));
  CHECK(has(mail.uidlist(), "1 P1.a :1.a\n2 P2.b :2.b\n"));
  mail.add("3.c", "z\n");
  auto after = mail.say("UIDL\r\n");
  CHECK(has(after, "1 1.a\r\n2 2.b\r\n3 0000"));
}

TEST_CASE("pop3_reuse_xuidl takes a message's X-UIDL, unless another id is kept with it") {
  Mail mail;
  mail.add("1.a", "X-UIDL: old-1\n\nx\n");
  mail.add("2.b", "X-UIDL: old 2\n\nx\n");
  mail.add("3.c", "X-UIDL: old-3\n\nx\n");
  mail.write_uidlist("3 V305419896 N300\n171 :1.a\n172 :2.b\n173 Pkept :3.c\n");
  CHECK(has(mail.say("UIDL\r\n", {"pop3_reuse_xuidl=yes"}),
            "1 old-1\r\n2 000000ac12345678\r\n3 kept\r\n"));
  CHECK(has(mail.say("UIDL 1\r\n"), "1 000000ab12345678\r\n"));
}

TEST_CASE("pop3_uidl_duplicates=rename gives the second of two equal ids a number") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "x\n");
  mail.add("3.c", "x\n");
  mail.write_uidlist("3 V305419896 N300\n171 Psame :1.a\n172 Psame :2.b\n173 Pother :3.c\n");
  CHECK(has(mail.say("UIDL\r\n"), "1 same\r\n2 same\r\n3 other\r\n"));
  CHECK(has(mail.say("UIDL\r\n", {"pop3_uidl_duplicates=rename"}),
            "1 same\r\n2 same-2\r\n3 other\r\n"));
}

TEST_CASE("LAST is the greatest number retrieved, where it is enabled") {
  Mail mail;
  mail.add("1.a", "x\n");
  mail.add("2.b", "y\n");
  CHECK(has(mail.say("LAST\r\n"), "-ERR LAST is not enabled"));
  std::vector<std::string> settings{"pop3_enable_last=yes"};
  CHECK(has(mail.say("LAST\r\nRETR 1\r\nLAST\r\nQUIT\r\n", settings), "+OK 0\r\n"));
  CHECK(mail.say("LAST\r\n", settings) == "+OK 1\r\n");
}

TEST_CASE("only a client that has said UTF8 gets headers in UTF-8, and bodies stay as they are") {
  Mail mail;
  mail.add("1.a", "Subject: gr\xc3\xbc\xc3\x9f\n\n\xc3\xbc\n");
  CHECK(has(mail.say("RETR 1\r\n", {}, true), "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n\xc3\xbc\r\n"));
  auto plain = mail.say("RETR 1\r\nTOP 1 0\r\n");
  CHECK(has(plain, "Subject: =?utf-8?"));
  CHECK(has(plain, "?=\r\n\r\n\xc3\xbc\r\n.\r\n"));
  CHECK(plain.ends_with("?=\r\n\r\n.\r\n"));
  CHECK_FALSE(has(plain, "gr\xc3"));
}

TEST_CASE("LANG lists English, and en-GB finds it") {
  Mail mail;
  CHECK(mail.say("LANG\r\nLANG en-GB\r\nLANG *\r\nLANG fr\r\nLANG ?\r\n") ==
        "+OK Language listing follows:\r\ni-default Default language\r\nen English\r\n.\r\n"
        "+OK en Replies are in English.\r\n+OK i-default Replies are in English.\r\n"
        "-ERR There are no replies in fr, but in en.\r\n"
        "-ERR LANG needs a language's tag such as en, or *.\r\n");
}

TEST_CASE("CAPA announces the delay between logins and how long mail is kept as they are set") {
  Mail mail;
  auto usual = mail.say("CAPA\r\n");
  for (const char* line : {"UTF8 USER\r\n", "LANG\r\n", "EXPIRE NEVER\r\n"})
    CHECK(has(usual, line));
  CHECK_FALSE(has(usual, "LOGIN-DELAY"));
  auto set = mail.say("CAPA\r\n", {"pop3_login_delay=90", "pop3_expire=60"});
  CHECK(has(set, "LOGIN-DELAY 90\r\n"));
  CHECK(has(set, "EXPIRE 60\r\n"));
}
