#include "store/filtering/sieve_filter.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

constexpr const char* letter =
    "From: Ann <ann@far.test>\n"
    "To: bob@here.test\n"
    "Subject: Lunch\n"
    "Message-ID: <m1@far.test>\n"
    "\n"
    "At noon?\n";

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

/// An account with a Maildir, its scripts and those of the host.
struct Home {
  Scratch scratch;
  std::vector<std::string> settings;
  AccountRef account;
  ManualClock clock;
  StoreSettings store;
  int messages = 0;

  Home() {
    account.name = "bob@here.test";
    account.home = scratch.path();
    account.mail_location = "maildir:~/Maildir";
  }
  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(scratch / name).parent_path());
    std::ofstream(scratch / name) << text;
  }
  void script(std::string_view text) { write(".dovecot.sieve", text); }

  Delivery delivery(std::string_view text) {
    Delivery made;
    made.return_path = "ann@far.test";
    made.delivered_to = made.original_to = "bob@here.test";
    made.queue_id = "4Zk2Qn" + std::to_string(++messages);
    made.recipient_number = 7;
    made.arrival_seconds = clock.now_seconds();
    made.body = {text};
    return made;
  }
  /// As deliver processes do it.
  DeliveryOutcome deliver(const Delivery& delivery, const MessageOrigin& origin = {}) {
    auto config = config_for_test(settings);
    SieveFilter filter(*config, account, origin, clock);
    auto location = MailLocation::parse(account.mail_location, {account.name, account.home});
    REQUIRE(location);
    return open_store(*std::move(location), store)->deliver(delivery, filter);
  }
  DeliveryOutcome deliver(std::string_view text = letter) { return deliver(delivery(text)); }

  std::vector<std::string> files(const std::string& folder = "") const {
    std::vector<std::string> found;
    for (const char* part : {"/new", "/cur"}) {
      std::error_code none;
      auto path = scratch / ("Maildir" + (folder.empty() ? "" : "/." + folder) + part);
      for (const auto& file : std::filesystem::directory_iterator(path, none)) {
        found.push_back(file.path());
      }
    }
    return found;
  }
  std::size_t count(const std::string& folder = "") const { return files(folder).size(); }
  std::string text_in(const std::string& folder = "") const {
    REQUIRE(count(folder) == 1);
    std::ifstream file(files(folder)[0]);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
};

}  // namespace

TEST_CASE("without a script mail goes into INBOX, and what a filter calls spam into Junk") {
  Home home;
  CHECK(home.deliver().kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.count() == 1);
  for (const char* field : {"X-Spam-Flag: YES", "X-Spam: Yes", "X-Spam-Status: Yes, score=9"}) {
    home.deliver(std::string(field) + "\n" + letter);
  }
  CHECK(home.count("Junk") == 3);
  home.deliver("X-Spam-Status: No, score=0\nX-Spam-Flag: NO\n" + std::string(letter));
  CHECK(home.count() == 2);
  home.settings = {"sieve_after="};
  home.deliver("X-Spam-Flag: YES\n" + std::string(letter));
  CHECK(home.count() == 3);
}

TEST_CASE("a user's script files, flags, redirects, answers, refuses and discards") {
  Home home;
  home.script(
      "require [\"fileinto\", \"imap4flags\", \"copy\", \"vacation\"];\n"
      "redirect :copy \"carol@far.test\";\n"
      "vacation \"I am away.\";\n"
      "fileinto :flags [\"\\\\Seen\", \"$Work\"] \"Work\";\n");
  auto made = home.deliver();
  CHECK(made.kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.count("Work") == 1);
  CHECK(home.count() == 0);
  CHECK(home.files("Work")[0].ends_with(":2,Sa"));
  CHECK(made.redirects == std::vector<std::string>{"carol@far.test"});
  REQUIRE(made.replies.size() == 1);
  CHECK(made.replies[0].recipient == "ann@far.test");
  CHECK_FALSE(made.replies[0].is_from_owner);
  CHECK(made.replies[0].text.starts_with("Message-ID: <4Zk2Qn1.7.0.sieve@"));

  home.script("require \"reject\"; reject text:\nNot\nhere.\n.\n;");
  made = home.deliver();
  CHECK(made.kind == DeliveryOutcome::Kind::Bounce);
  CHECK(made.dsn == "5.7.1");
  CHECK(made.reason == "Not here.");
  home.script("discard;");
  CHECK(home.deliver().kind == DeliveryOutcome::Kind::Discarded);
  CHECK(home.count() == 0);
}

TEST_CASE("vacation answers a sender once, also if the first delivery is repeated after a crash") {
  Home home;
  home.script("require \"vacation\"; vacation \"I am away.\";");
  auto first = home.delivery(letter);
  auto made = home.deliver(first);
  REQUIRE(made.replies.size() == 1);
  // As if the queue had not come to know of it.
  auto again = home.deliver(first);
  REQUIRE(again.replies.size() == 1);
  CHECK(again.replies[0].text == made.replies[0].text);
  CHECK(home.count() == 1);
  CHECK(home.deliver().replies.empty());
  home.clock.advance(std::chrono::hours(24 * 8));
  CHECK(home.deliver().replies.size() == 1);
}

TEST_CASE("who can't be delivered to answers nobody, and is not taken for one who did") {
  Home home;
  home.script("require \"vacation\"; vacation \"I am away.\";");
  home.store.quota_bytes = 10;
  auto made = home.deliver();
  CHECK(made.kind == DeliveryOutcome::Kind::Bounce);
  CHECK(made.replies.empty());
  home.store.quota_bytes = 1'000'000;
  CHECK(home.deliver().replies.size() == 1);
}

TEST_CASE("a duplicate is discarded, and the first copy never") {
  Home home;
  home.script("require \"duplicate\"; if duplicate { discard; }");
  auto first = home.delivery(letter);
  CHECK(home.deliver(first).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.deliver(first).kind == DeliveryOutcome::Kind::Delivered);
  CHECK(home.count() == 1);
  CHECK(home.deliver().kind == DeliveryOutcome::Kind::Discarded);
  CHECK(home.count() == 1);
}

TEST_CASE("a script that fails keeps the mail in INBOX and tells its owner once a day") {
  Home home;
  struct Row {
    const char* script;
    const char* what;
  };
  for (const auto& row : {Row{"require \"ihave\"; error \"no\";", "1:18: the script says: no"},
                          Row{"fileinto \"Work\";", "1:1: "}}) {
    CAPTURE(row.script);
    home.script(row.script);
    auto made = home.deliver();
    CHECK(made.kind == DeliveryOutcome::Kind::Delivered);
    REQUIRE(made.replies.size() == 1);
    CHECK(made.replies[0].recipient == "bob@here.test");
    CHECK(has(made.replies[0].text, row.what));
    CHECK(check_reply(made.replies[0]));
    REQUIRE(made.warnings.size() == 1);
    CHECK(has(made.warnings[0], row.what));
    CHECK(home.deliver().replies.empty());
    home.clock.advance(std::chrono::hours(25));
  }
  CHECK(home.count() == 4);
}

TEST_CASE("the host's scripts come before and after the user's, while the mail is kept") {
  Home home;
  home.settings = {"sieve_before=" + home.scratch / "before", "sieve_after=" + home.scratch / "a"};
  home.write("before/10.sieve", "require [\"fileinto\", \"copy\"]; fileinto :copy \"Archive\";");
  home.write("before/20.sieve",
             "require \"fileinto\"; if header :is \"X-List\" \"y\" { fileinto \"List\"; }");
  home.write("before/30.txt", "not a script");
  home.write("a", "require \"fileinto\"; if header :is \"X-Late\" \"y\" { fileinto \"Late\"; }");
  home.script("require \"fileinto\"; if header :is \"X-Mine\" \"y\" { fileinto \"Mine\"; }");
  home.deliver();
  CHECK(home.count() == 1);
  CHECK(home.count("Archive") == 1);
  home.deliver("X-List: y\nX-Mine: y\nX-Late: y\n" + std::string(letter));
  CHECK(home.count("List") == 1);
  CHECK(home.count("Mine") == 0);
  home.deliver("X-Mine: y\nX-Late: y\n" + std::string(letter));
  CHECK(home.count("Mine") == 1);
  CHECK(home.count("Late") == 0);
  home.deliver("X-Late: y\n" + std::string(letter));
  CHECK(home.count("Late") == 1);
  CHECK(home.count() == 1);
  CHECK(home.count("Archive") == 4);
  // A host's script that fails does not keep the user's from being run.
  home.write("before/20.sieve", "oops");
  auto made = home.deliver("X-Mine: y\n" + std::string(letter));
  CHECK(home.count("Mine") == 2);
  REQUIRE(made.warnings.size() == 1);
  CHECK(has(made.warnings[0], "20.sieve: 1:"));
  CHECK(made.replies.empty());
}

TEST_CASE("the default script is run for users who have none") {
  Home home;
  home.settings = {"sieve_default=" + home.scratch / "default.sieve"};
  home.write("default.sieve", "require \"fileinto\"; fileinto \"Default\";");
  home.deliver();
  CHECK(home.count("Default") == 1);
  home.script("keep;");
  home.deliver();
  CHECK(home.count("Default") == 1);
  CHECK(home.count() == 1);
}

TEST_CASE("scripts include others of the user and of the host") {
  Home home;
  home.settings = {"sieve_global=" + home.scratch / "global"};
  home.write("global/lists.sieve", "require \"fileinto\"; fileinto \"G\";");
  home.write("sieve/mine.sieve", "require [\"fileinto\", \"copy\"]; fileinto :copy \"P\";");
  home.script("require \"include\"; include :personal \"mine\"; include :global \"lists\";");
  home.deliver();
  CHECK(home.count("G") == 1);
  CHECK(home.count("P") == 1);
}

TEST_CASE("what a script changes in a message is in its copies and in what it sends on") {
  Home home;
  home.script(
      "require [\"editheader\", \"fileinto\", \"copy\"];\n"
      "fileinto :copy \"Plain\";\n"
      "addheader \"X-Seen-By\" \"sieve\";\n"
      "redirect :copy \"carol@far.test\";\n"
      "deleteheader \"Subject\";\n");
  auto made = home.deliver();
  CHECK_FALSE(has(home.text_in("Plain"), "X-Seen-By"));
  CHECK(has(home.text_in(), "X-Seen-By: sieve\n"));
  CHECK_FALSE(has(home.text_in(), "Subject"));
  CHECK(has(home.text_in(), "\n\nAt noon?\n"));
  CHECK(made.redirects.empty());
  REQUIRE(made.replies.size() == 1);
  CHECK(made.replies[0].is_redirect);
  CHECK(made.replies[0].text.starts_with("X-Seen-By: sieve\nFrom: Ann"));
  CHECK(has(made.replies[0].text, "Subject: Lunch"));
}

TEST_CASE("a script may ask for mailboxes, special uses, lists, who logged in and what spam is") {
  Home home;
  home.settings = {"sieve_list_dir=" + home.scratch / "lists",
                   "sieve_spamtest_status_header=X-Score", "sieve_spamtest_max_value=10"};
  home.write("lists/friends", "# people\nANN@far.test\n");
  auto folder = [&](std::string_view require, std::string_view test, std::string_view text = letter,
                    const MessageOrigin& origin = {}) {
    home.script("require [\"fileinto\"" + std::string(require) + "];\nif " + std::string(test) +
                " { fileinto \"Yes\"; }");
    auto before = home.count("Yes");
    auto made = home.deliver(home.delivery(text), origin);
    CHECK(made.warnings.empty());
    return home.count("Yes") > before;
  };
  CHECK_FALSE(folder(", \"mailbox\"", "mailboxexists \"Yes\""));
  CHECK(folder("", "true"));
  CHECK(folder(", \"mailbox\"", "mailboxexists \"Yes\""));
  CHECK(folder(", \"extlists\"", "address :list \"from\" \"friends\""));
  CHECK_FALSE(folder(", \"extlists\"", "address :list \"to\" \"friends\""));
  CHECK(folder(", \"relational\", \"comparator-i;ascii-numeric\", \"spamtest\"",
               "spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"5\"",
               "X-Score: 6.5\n" + std::string(letter)));
  MessageOrigin origin;
  origin.client_address = "192.0.2.7";
  CHECK(folder(", \"environment\"", "environment :is \"remote-ip\" \"192.0.2.7\"", letter, origin));
  CHECK(folder("", "size :over 50"));
}

TEST_CASE(
    "a memory that can't be read makes the delivery wait, and one that is not asked does not") {
  Home home;
  std::filesystem::create_directories(home.scratch / "Maildir/pennypost-sieve");
  home.script("keep;");
  CHECK(home.deliver().kind == DeliveryOutcome::Kind::Delivered);
  home.script("require \"vacation\"; vacation \"x\";");
  CHECK(home.deliver().kind == DeliveryOutcome::Kind::Retry);
  CHECK(home.count() == 1);
}

namespace {

/// A directory of programs, named by all three settings.
void add_program(Home& home, const std::string& name, const std::string& shell_script) {
  home.write("bin/" + name, "#!/bin/sh\n" + shell_script + "\n");
  std::filesystem::permissions(home.scratch / ("bin/" + name), std::filesystem::perms::owner_all);
  auto directory = home.scratch / "bin";
  home.settings = {"sieve_pipe_bin_dir=" + directory, "sieve_filter_bin_dir=" + directory,
                   "sieve_execute_bin_dir=" + directory, "sieve_program_exec_timeout=2s"};
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

TEST_CASE("a script gives the message to a program, with its own environment and no shell") {
  Home home;
  add_program(home, "learn",
              "env | sort > \"$HOME/env\"; echo \"$1|$#\" >> \"$HOME/arguments\"\n"
              "cat >> \"$HOME/learned\"");
  home.script("require \"vnd.dovecot.pipe\"; pipe \"learn\" \"a b; $(exit)\";");
  ::setenv("PENNYPOST_TEST_SECRET", "1", 1);
  auto made = home.deliver();
  CHECK(made.kind == DeliveryOutcome::Kind::Discarded);
  CHECK(home.count() == 0);
  CHECK(content(home.scratch / "learned") == letter);
  CHECK(content(home.scratch / "arguments") == "a b; $(exit)|1\n");
  auto environment = content(home.scratch / "env");
  CHECK(has(environment, "\nRECIPIENT=bob@here.test\nSENDER=ann@far.test\nUSER=bob@here.test\n"));
  CHECK(has(environment, "ORIG_RECIPIENT=bob@here.test\n"));
  CHECK_FALSE(has(environment, "PENNYPOST_TEST_SECRET"));
}

TEST_CASE("mail is kept if the program of a pipe fails, and its user told unless it may fail") {
  Home home;
  add_program(home, "fail", "echo 'disk is full' >&2; exit 3");
  home.script("require \"vnd.dovecot.pipe\"; pipe :try \"fail\";");
  auto made = home.deliver();
  CHECK(home.count() == 1);
  CHECK(made.replies.empty());
  REQUIRE(made.warnings.size() == 1);
  CHECK(made.warnings[0] == "sieve: the program \"fail\" ended with status 3: disk is full");
  home.script("require \"vnd.dovecot.pipe\"; pipe \"fail\";");
  made = home.deliver();
  CHECK(home.count() == 2);
  REQUIRE(made.replies.size() == 1);
  CHECK(has(made.replies[0].text, "the program \"fail\" ended with status 3"));
  home.script("require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy :try \"../fail\";");
  home.deliver();
  home.script("require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy :try \"absent\";");
  home.deliver();
  CHECK(home.count() == 4);
}

TEST_CASE("a program that does not end is killed with all that it has started") {
  Home home;
  add_program(home, "hang", "sleep 60 & echo $! > \"$HOME/pid\"; wait");
  home.script("require \"vnd.dovecot.pipe\"; pipe :try \"hang\";");
  auto began = std::chrono::steady_clock::now();
  auto made = home.deliver();
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
  CHECK(home.count() == 1);
  REQUIRE(made.warnings.size() == 1);
  CHECK(has(made.warnings[0], "took more than 2 s (sieve_program_exec_timeout)"));
  auto sleeper = std::stoi(content(home.scratch / "pid"));
  // A killed process may still have to be reaped by another.
  bool is_gone = false;
  for (int i = 0; i < 500 && !is_gone; ++i) {
    auto state = content("/proc/" + std::to_string(sleeper) + "/stat");
    is_gone = state.empty() || has(state, ") Z ") || has(state, ") X ");
    ::usleep(10'000);
  }
  CHECK(is_gone);
}

TEST_CASE("an attempt that is repeated gives a program no message that it has had") {
  Home home;
  add_program(home, "count", "cat > /dev/null; echo x >> \"$HOME/runs\"");
  home.script("require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy \"count\";");
  auto delivery = home.delivery(letter);
  delivery.maybe_repeated = false;
  home.deliver(delivery);
  delivery.maybe_repeated = true;
  home.deliver(delivery);
  CHECK(content(home.scratch / "runs") == "x\n");
  home.deliver();
  CHECK(content(home.scratch / "runs") == "x\nx\n");
}

TEST_CASE("a program may change the message, or answer a question") {
  Home home;
  add_program(home, "mark", "sed 's/^Subject: /&[marked] /'");
  add_program(home, "where", "printf 'Work'");
  home.script(
      "require [\"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\", \"fileinto\"];\n"
      "filter \"mark\";\n"
      "if execute :output \"folder\" \"where\" { fileinto \"${folder}\"; }");
  home.deliver();
  CHECK(has(home.text_in("Work"), "Subject: [marked] Lunch\n"));
}

TEST_CASE("without directories of programs no script may use any") {
  Home home;
  home.script("require \"vnd.dovecot.pipe\"; pipe \"learn\";");
  auto made = home.deliver();
  CHECK(home.count() == 1);
  REQUIRE(made.replies.size() == 1);
  CHECK(has(made.replies[0].text, "the extension \"vnd.dovecot.pipe\" is not offered here"));
}

TEST_CASE("a script reads the annotations of mailboxes and of the server, as IMAP stores them") {
  Home home;
  auto location =
      MailLocation::parse(home.account.mail_location, {home.account.name, home.account.home});
  REQUIRE(location);
  auto mail = open_store(*std::move(location), home.store);
  auto work = mail->parse_name("Work");
  REQUIRE(work);
  REQUIRE(mail->create(*work));
  auto of_work = mail->annotations(*work);
  REQUIRE(of_work);
  REQUIRE(of_work->change({{"/private/comment", "urgent"}}, 100));
  auto of_all = mail->annotations(std::nullopt);
  REQUIRE(of_all);
  REQUIRE(of_all->change({{"/shared/vendor/x/mode", "strict"}}, 100));
  home.script(
      "require [\"mboxmetadata\", \"servermetadata\", \"fileinto\"];\n"
      "if allof (metadata :contains \"Work\" \"/private/comment\" \"URGENT\",\n"
      "          not metadataexists \"Absent\" \"/private/comment\",\n"
      "          servermetadata \"/shared/vendor/x/mode\" \"strict\") { fileinto \"Work\"; }");
  home.deliver();
  CHECK(home.count("Work") == 1);
}

TEST_CASE("virustest is what the scanner's field says") {
  Home home;
  home.settings = {"sieve_virustest_status_header=X-Virus", "sieve_virustest_status_type=text",
                   "sieve_virustest_text_values=1=Clean, 5=Infected"};
  home.script(
      "require [\"virustest\", \"relational\", \"comparator-i;ascii-numeric\", \"fileinto\"];\n"
      "if virustest :value \"ge\" :comparator \"i;ascii-numeric\" \"4\" { fileinto \"Bad\"; }");
  home.deliver("X-Virus: Infected\n" + std::string(letter));
  home.deliver("X-Virus: Clean\n" + std::string(letter));
  CHECK(home.count("Bad") == 1);
  CHECK(home.count() == 1);
}
