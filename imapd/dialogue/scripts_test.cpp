// Sieve scripts in a session: FILTER, and those that are run for what the client does.
#include <sys/stat.h>

#include "imapd/command/event_scripts.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

void write(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

/// An account whose scripts may give messages to a program, which notes them in a file.
struct Host : TestAccount {
  Host() {
    write(root() + "/bin/note",
          "#!/bin/sh\necho \"$*\" >> \"$HOME/noted\"; cat >> \"$HOME/mail\"\n");
    ::chmod((root() + "/bin/note").c_str(), 0700);
  }
  std::vector<std::string> settings(std::vector<std::string> more = {}) const {
    more.push_back("sieve_pipe_bin_dir=" + root() + "/bin");
    return more;
  }
  void script(const std::string& name, const std::string& text) const {
    write(root() + "/" + name + ".sieve", text);
  }
  /// What the program has noted since the last time.
  std::string noted() const {
    std::ifstream file(root() + "/noted");
    std::string text(std::istreambuf_iterator<char>(file), {});
    std::filesystem::remove(root() + "/noted");
    return text;
  }
};

constexpr const char* note_event =
    "require [\"imapsieve\", \"environment\", \"variables\", \"vnd.dovecot.pipe\", \"copy\"];\n"
    "if environment :matches \"imap.cause\" \"*\" { set \"cause\" \"${1}\"; }\n"
    "if environment :matches \"imap.mailbox\" \"*\" { set \"mailbox\" \"${1}\"; }\n"
    "if environment :matches \"imap.changedflags\" \"*\" { set \"flags\" \"${1}\"; }\n"
    "if environment :matches \"imap.user\" \"*\" { set \"user\" \"${1}\"; }\n"
    "pipe :copy \"note\" [\"${cause}\", \"${mailbox}\", \"${flags}\", \"${user}\"];\n";

constexpr const char* letter = "{26+}\r\nSubject: Lunch\r\n\r\nAt one.\r\n";

}  // namespace

TEST_CASE("the admin's scripts are run for APPEND, COPY, MOVE and changes of flags") {
  Host host;
  host.script("all", note_event);
  Client client(host, host.settings({"imapsieve_scripts=*=" + host.root() + "/all.sieve"}));
  CHECK_FALSE(has(client.command("CAPABILITY"), "IMAPSIEVE="));
  client.command("CREATE Junk");
  CHECK(has(client.command(std::string("APPEND INBOX ") + letter), "OK [APPENDUID"));
  CHECK(host.noted() == "APPEND INBOX  ann\n");
  client.command("SELECT INBOX");
  CHECK(has(client.command("STORE 1 +FLAGS (\\Flagged \\Seen)"), "OK"));
  CHECK(host.noted() == "FLAG INBOX \\Flagged \\Seen ann\n");
  client.command("STORE 1 +FLAGS (\\Seen)");
  CHECK(host.noted().empty());
  client.command("STORE 1 FLAGS.SILENT ($Work)");
  CHECK(host.noted() == "FLAG INBOX $Work \\Flagged \\Seen ann\n");
  client.command("FETCH 1 BODY.PEEK[]");
  CHECK(host.noted().empty());
  client.command("FETCH 1 BODY[]");
  CHECK(host.noted() == "FLAG INBOX \\Seen ann\n");
  client.command("COPY 1 Junk");
  CHECK(host.noted() == "COPY Junk  ann\n");
  CHECK(has(client.command("MOVE 1 Junk"), "OK"));
  CHECK(host.noted() == "COPY Junk  ann\n");
}

TEST_CASE("a script is run only for the mailboxes and causes for which it is named") {
  Host host;
  host.script("junk", note_event);
  Client client(host,
                host.settings({"imapsieve_scripts=Junk:copy=" + host.root() + "/junk.sieve"}));
  client.command("CREATE Junk");
  client.command(std::string("APPEND Junk ") + letter);
  client.command(std::string("APPEND INBOX ") + letter);
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Flagged)");
  client.command("CREATE Work");
  client.command("COPY 1 Work");
  CHECK(host.noted().empty());
  client.command("UID MOVE 1 Junk");
  CHECK(host.noted() == "COPY Junk  ann\n");
}

TEST_CASE("with imapsieve_url a user's own script is the one that the annotation names") {
  Host host;
  host.script("sieve/own", note_event);
  host.script("sieve/other",
              "require [\"imapsieve\", \"vnd.dovecot.pipe\"];\n"
              "pipe \"note\" \"other\";\n");
  Client client(host, host.settings({"imapsieve_url=sieve://mail.example.org"}));
  CHECK(has(client.command("CAPABILITY"), " IMAPSIEVE=sieve://mail.example.org"));
  {
    Client other(host,
                 host.settings({"imapsieve_url=sieve://mail.example.org", "imap_metadata=no"}));
    CHECK_FALSE(has(other.greeting(), "IMAPSIEVE"));
  }
  client.command("CREATE Work");
  client.command(std::string("APPEND Work ") + letter);
  CHECK(host.noted().empty());
  CHECK(has(client.command("SETMETADATA \"\" (/shared/imapsieve/script \"own\")"), "OK"));
  client.command(std::string("APPEND Work ") + letter);
  CHECK(host.noted() == "APPEND Work  ann\n");
  CHECK(has(client.command("SETMETADATA Work (/shared/imapsieve/script \"other\")"), "OK"));
  client.command(std::string("APPEND Work ") + letter);
  CHECK(host.noted() == "other\n");
  // RFC 6785 section 2.3.1: the mailbox's own entry counts, even where it names no script.
  client.command("SETMETADATA Work (/shared/imapsieve/script \"\")");
  client.command(std::string("APPEND Work ") + letter);
  CHECK(host.noted().empty());
}

TEST_CASE("a script of an event files a copy, flags, and marks what it discards as deleted") {
  Host host;
  host.script("event",
              "require [\"imapsieve\", \"fileinto\", \"imap4flags\", \"mailbox\"];\n"
              "if header \"Subject\" \"Lunch\" { addflag \"$Food\"; keep; }\n"
              "elsif header \"Subject\" \"File\" { fileinto :create \"Filed\"; }\n"
              "else { discard; }\n");
  Client client(host,
                host.settings({"imapsieve_scripts=INBOX:append=" + host.root() + "/event.sieve"}));
  client.command(std::string("APPEND INBOX ") + letter);
  client.command("APPEND INBOX {25+}\r\nSubject: File\r\n\r\nAt one.\r\n");
  client.command("APPEND INBOX {25+}\r\nSubject: Gone\r\n\r\nAt one.\r\n");
  client.command("SELECT INBOX");
  auto flags = client.command("FETCH 1:* (FLAGS)");
  CHECK(has(flags, "1 FETCH (FLAGS (\\Recent $Food"));
  CHECK(has(flags, "2 FETCH (FLAGS (\\Deleted"));
  CHECK(has(flags, "3 FETCH (FLAGS (\\Deleted"));
  CHECK(has(client.command("STATUS Filed (MESSAGES)"), "MESSAGES 1"));
}

TEST_CASE("a script of an event that asks for an envelope or a sender's answer is not run") {
  Host host;
  host.script("event", "require [\"imapsieve\", \"reject\"]; discard;");
  Client client(host, host.settings({"imapsieve_scripts=*=" + host.root() + "/event.sieve"}));
  CHECK(has(client.command(std::string("APPEND INBOX ") + letter), "OK [APPENDUID"));
  client.command("SELECT INBOX");
  CHECK_FALSE(has(client.command("FETCH 1 (FLAGS)"), "Deleted"));
}

TEST_CASE("FILTER runs a script over the messages that a search finds") {
  Host host;
  for (const char* subject : {"Lunch", "Dinner", "Spam"}) {
    host.deliver("Subject: " + std::string(subject) + "\n\nHello.\n");
  }
  Client client(host, host.settings());
  CHECK(has(client.command("CAPABILITY"), " FILTER=SIEVE"));
  client.command("SELECT INBOX");
  auto answer = client.command(
      "UID FILTER SIEVE SCRIPT \"require [\\\"fileinto\\\", \\\"imap4flags\\\"]; if header "
      "\\\"Subject\\\" \\\"Lunch\\\" { fileinto \\\"Food\\\"; } elsif header \\\"Subject\\\" "
      "\\\"Dinner\\\" { addflag \\\"\\\\\\\\Seen\\\"; }\" ALL");
  CHECK(has(answer, "* 1 FILTERED (TAG \"t3\") UID 1 OK\r\n"));
  CHECK(has(answer, "* 2 FILTERED (TAG \"t3\") UID 2 OK\r\n"));
  CHECK_FALSE(has(answer, "* 3 FILTERED"));
  CHECK(has(answer, "1 FETCH (UID 1 FLAGS (\\Deleted"));
  CHECK(has(answer, "2 FETCH (UID 2 FLAGS (\\Seen"));
  CHECK(has(answer, "OK Filter completed."));
  CHECK(has(client.command("STATUS Food (MESSAGES)"), "MESSAGES 1"));
  CHECK(has(client.command("FILTER SIEVE SCRIPT \"discard;\" SUBJECT spam"),
            "* 3 FILTERED (TAG \"t5\") OK\r\n"));
}

TEST_CASE("FILTER takes the scripts of delivery, of the user and of the host by name") {
  Host host;
  host.deliver("Subject: Lunch\n\nHello.\n");
  host.script("sieve/mark", "require \"imap4flags\"; addflag \"$Own\";");
  host.script("global/mark", "require \"imap4flags\"; addflag \"$Global\";");
  write(host.root() + "/.dovecot.sieve", "require \"imap4flags\"; addflag \"$Delivery\";");
  Client client(host, host.settings({"sieve_global=" + host.root() + "/global"}));
  client.command("SELECT INBOX");
  CHECK(has(client.command("UID FILTER SIEVE PERSONAL mark ALL"), "FILTERED"));
  CHECK(has(client.command("UID FILTER SIEVE GLOBAL mark ALL"), "FILTERED"));
  CHECK(has(client.command("UID FILTER SIEVE DELIVERY ALL"), "FILTERED"));
  auto flags = client.command("FETCH 1 FLAGS");
  for (const char* keyword : {"$Own", "$Global", "$Delivery"}) CHECK(has(flags, keyword));
  // Nothing more is to be changed.
  CHECK_FALSE(has(client.command("UID FILTER SIEVE PERSONAL mark ALL"), "FILTERED"));
}

TEST_CASE("FILTER tells what is wrong with a script, and what it is not given") {
  Host host;
  host.deliver("Subject: Lunch\n\nHello.\n");
  Client client(host, host.settings());
  client.command("SELECT INBOX");
  auto answer = client.command("FILTER SIEVE SCRIPT \"discrad;\" ALL");
  CHECK(has(answer, "* FILTER (TAG \"t2\") ERRORS "));
  CHECK(has(answer, "1:1: there is no command \"discrad\""));
  CHECK(has(answer, "NO The Sieve script has mistakes."));
  CHECK(has(client.command("FILTER SIEVE PERSONAL absent ALL"), "NO [NONEXISTENT]"));
  CHECK(has(client.command("FILTER SIEVE GLOBAL absent ALL"), "NO [NONEXISTENT]"));
  CHECK(has(client.command("FILTER SIEVE PERSONAL ../x ALL"), "NO [CANNOT]"));
  auto failed =
      client.command("FILTER SIEVE SCRIPT \"require \\\"ihave\\\"; error \\\"stop\\\";\" ALL");
  CHECK(has(failed, "* 1 FILTERED (TAG \"t6\") ERRORS \"1:18: the script says: stop\"\r\n"));
  CHECK(has(failed, "OK Filter completed."));
  CHECK(has(client.command("FILTER SIEVE SCRIPT \"require \\\"imapsieve\\\";\" ALL"), "NO"));
  client.command("EXAMINE INBOX");
  CHECK(has(client.command("FILTER SIEVE SCRIPT \"discard;\" ALL"), "NO"));
}

TEST_CASE("FILTER says which setting is missing where a script sends mail") {
  Host host;
  host.deliver("Subject: Lunch\n\nHello.\n");
  Client client(host);
  client.command("SELECT INBOX");
  auto answer = client.command("FILTER SIEVE SCRIPT \"redirect \\\"bob@example.org\\\";\" ALL");
  CHECK(has(answer, "* 1 FILTERED (TAG \"t2\") ERRORS \"The script sends mail"));
  CHECK(has(answer, "imapsieve_url"));
  CHECK(has(answer, "OK Filter completed."));
  CHECK_FALSE(has(client.command("FETCH 1 (FLAGS)"), "Deleted"));
}

TEST_CASE("a script that fails for one message is told for it, and the others are filtered") {
  Host host;
  for (const char* subject : {"Stop", "Lunch"}) {
    host.deliver("Subject: " + std::string(subject) + "\n\nHello.\n");
  }
  Client client(host, host.settings());
  client.command("SELECT INBOX");
  auto answer = client.command(
      "FILTER SIEVE SCRIPT \"require [\\\"ihave\\\", \\\"imap4flags\\\"]; addflag \\\"$Seen\\\"; "
      "if "
      "header \\\"Subject\\\" \\\"Stop\\\" { error \\\"no more\\\"; }\" ALL");
  CHECK(has(answer, "* 1 FILTERED (TAG \"t2\") ERRORS "));
  CHECK(has(answer, "the script says: no more\"\r\n"));
  CHECK(has(answer, "* 2 FILTERED (TAG \"t2\") OK\r\n"));
  CHECK_FALSE(has(client.command("FETCH 1 (FLAGS)"), "$Seen"));
  CHECK(has(client.command("FETCH 2 (FLAGS)"), "$Seen"));
}
