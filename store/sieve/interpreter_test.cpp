#include "store/sieve/interpreter.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

TEST_CASE("a script that takes no action keeps the message; discard alone throws it away") {
  CHECK(outcome_of("") == "keep");
  CHECK(outcome_of("stop;") == "keep");
  CHECK(outcome_of("discard;") == "discard");
  CHECK(outcome_of("keep; discard;") == "keep");
  CHECK(outcome_of("redirect \"eve@example.net\";") == "redirect eve@example.net");
  CHECK(outcome_of("require \"copy\"; redirect :copy \"eve@example.net\";") ==
        "redirect eve@example.net; keep");
  CHECK(outcome_of("require \"fileinto\"; fileinto \"A\"; stop; fileinto \"B\";") == "fileinto A");
  CHECK(outcome_of("require [\"fileinto\", \"copy\"]; fileinto :copy \"A\";") ==
        "fileinto A; keep");
}

TEST_CASE("the first branch of an if whose test is true is taken, and no other") {
  auto taken = [](std::string_view first, std::string_view second) {
    std::string script = "require \"fileinto\"; if ";
    script += std::string(first) + " { fileinto \"1\"; } elsif " + std::string(second) +
              " { fileinto \"2\"; } else { fileinto \"3\"; }";
    return outcome_of(script);
  };
  CHECK(taken("true", "true") == "fileinto 1");
  CHECK(taken("false", "true") == "fileinto 2");
  CHECK(taken("false", "false") == "fileinto 3");
  CHECK(is_true("", "allof (true, true)"));
  CHECK(!is_true("", "allof (true, false)"));
  CHECK(is_true("", "anyof (false, true)"));
  CHECK(!is_true("", "anyof (false, false)"));
  CHECK(is_true("", "not false"));
}

TEST_CASE("a message goes once into each mailbox and to each address") {
  CHECK(outcome_of("require [\"fileinto\", \"imap4flags\"]; fileinto :flags \"a\" \"X\"; "
                   "fileinto :flags [\"A\", \"b\"] \"X\"; fileinto \"INBOX\"; keep;") ==
        "fileinto X (a b); fileinto INBOX");
  CHECK(outcome_of("redirect \"a@b.example\"; redirect \"a@b.example\";") ==
        "redirect a@b.example");
}

TEST_CASE("header compares unfolded, decoded values of all fields of the names") {
  CHECK(is_true("",
                "header \"subject\" \"gr\xc3\xbc\xc3\x9f"
                "e from the sea\""));
  CHECK(is_true("", "header :contains [\"x-none\", \"X-COUNT\"] [\"zzz\", \"WO\"]"));
  CHECK(!is_true("", "header :contains \"x-none\" \"\""));
  CHECK(is_true("", "header :is \"x-empty\" \"\""));
  CHECK(is_true("", "header :matches \"x-count\" \"t?r*\""));
  CHECK(!is_true("", "header :is :comparator \"i;octet\" \"x-count\" \"ONE\""));
  CHECK(is_true("", "exists [\"from\", \"x-empty\"]"));
  CHECK(!is_true("", "exists [\"from\", \"x-none\"]"));
}

TEST_CASE("address and envelope compare parts of addresses") {
  CHECK(is_true("", "address \"from\" \"ann@far.example\""));
  CHECK(is_true("", "address :domain [\"to\", \"cc\"] \"example.COM\""));
  CHECK(is_true("", "address :localpart \"to\" \"bob+lists\""));
  CHECK(!is_true("", "address :all :contains \"from\" \"Lee\""));
  CHECK(is_true("", "address \"sender\" \"\"", FakeEnvironment(), "Sender:\n\n"));
  CHECK(!is_true("", "address :localpart \"sender\" \"\"", FakeEnvironment(), "Sender:\n\n"));
  CHECK(
      !is_true("", "address :localpart \"sender\" \"ann\"", FakeEnvironment(), "Sender: ann@\n\n"));
  CHECK(is_true("\"subaddress\"", "address :user \"to\" \"bob\""));
  CHECK(is_true("\"subaddress\"", "address :detail \"to\" \"lists\""));
  CHECK(!is_true("\"subaddress\"", "address :detail \"from\" \"\""));
  CHECK(is_true("\"envelope\"", "envelope \"from\" \"ann@far.example\""));
  CHECK(is_true("\"envelope\", \"subaddress\"", "envelope :detail \"to\" \"lists\""));
  FakeEnvironment environment;
  environment.from = "";
  CHECK(is_true("\"envelope\"", "envelope :domain \"from\" \"\"", environment));
}

TEST_CASE("size compares the octets of the message, with each line end as CRLF") {
  auto lines = std::ranges::count(message_for_test, '\n');
  auto size = std::to_string(message_for_test.size() + static_cast<std::size_t>(lines));
  CHECK(!is_true("", "size :over " + size));
  CHECK(!is_true("", "size :under " + size));
  CHECK(is_true("", "size :over 100"));
  CHECK(is_true("", "size :under 1K"));
}

TEST_CASE("a message is rejected alone, and only once") {
  CHECK(outcome_of("require \"reject\"; reject \"no\";") == "reject no");
  CHECK(outcome_of("require \"ereject\"; ereject \"no\";") == "ereject no");
  CHECK(outcome_of("require \"reject\";\nkeep; reject \"no\";") ==
        "2:7: a message that is kept, filed, redirected, piped or answered can't be rejected as "
        "well; "
        "keep");
  CHECK(outcome_of("require \"reject\";\nreject \"a\"; reject \"b\";") ==
        "2:13: a message can be rejected only once; keep");
  CHECK(outcome_of("require [\"reject\", \"fileinto\"]; reject \"a\";\nfileinto \"b\";") ==
        "2:1: a message that is rejected can't be kept or filed as well; keep");
  CHECK(outcome_of("require \"reject\"; reject \"a\";\nredirect \"b@c.example\";") ==
        "2:1: a message that is rejected can't be redirected as well; keep");
}

TEST_CASE("a run that breaks a limit keeps the message, and says where and why") {
  RunLimits limits;
  limits.redirects = 1;
  FakeEnvironment environment;
  CHECK(outcome_of("redirect \"a@b.example\";\n redirect \"c@b.example\";", environment,
                   message_for_test,
                   limits) == "2:2: the script redirects a message to more than 1 addresses; keep");
  limits.actions = 1;
  CHECK(outcome_of("require \"fileinto\"; fileinto \"A\"; fileinto \"B\";", environment,
                   message_for_test,
                   limits) == "1:35: the script takes more than 1 actions for one message; keep");
  limits.steps = 3;
  CHECK(outcome_of("stop;", environment, message_for_test, limits) == "keep");
  CHECK(outcome_of("if allof (true, true, true) { stop; }", environment, message_for_test,
                   limits) == "1:17: the script does more than 3 steps for one message; keep");
  CHECK(outcome_of("if header :matches \"subject\" \"*\" { discard; }", environment,
                   "Subject: " + std::string(1 << 20, 'a') + "\n\n",
                   limits) == "1:4: the script does more than 3 steps for one message; keep");
  environment.out_of_time = true;
  std::string tests = "false";
  for (int i = 0; i < 900; ++i) tests += ",false";
  std::string script = "if anyof (" + tests + ") { stop; } ";
  CHECK(outcome_of(script + script, environment).find("the script takes too long; keep") !=
        std::string::npos);
}

TEST_CASE("fileinto may name a mailbox to make, a special use, and flags") {
  CHECK(
      outcome_of("require [\"fileinto\", \"mailbox\", \"special-use\", \"imap4flags\"];"
                 "fileinto :create :specialuse \"\\\\Junk\" :flags \"\\\\Seen $Junk\" \"Spam\";") ==
      "fileinto Spam use \\Junk create (\\Seen $Junk)");
}

TEST_CASE("the flags that a script sets go with what it keeps from then on") {
  const std::string require = "require [\"imap4flags\", \"fileinto\", \"variables\"];";
  CHECK(outcome_of(require +
                   "setflag \"\\\\Seen a\"; fileinto \"A\"; addflag [\"A\", \"b\"]; keep;") ==
        "fileinto A (\\Seen a); keep (\\Seen a b)");
  CHECK(outcome_of(require + "addflag \"a b c\"; removeflag \"B\";") == "keep (a c)");
  CHECK(outcome_of(require + "setflag \"x\" \"one two\"; addflag \"x\" \"three\";"
                             "fileinto :flags \"${x}\" \"A\";") == "fileinto A (one two three)");
  CHECK(is_true("\"imap4flags\"", "not hasflag \"a\""));
  CHECK(outcome_of(require + "addflag \"a b\"; if hasflag [\"z\", \"B\"] { discard; }") ==
        "discard");
  CHECK(outcome_of(require + "addflag \"ab\"; if hasflag :contains \"B\" { discard; }") ==
        "discard");
  CHECK(outcome_of("require [\"imap4flags\", \"relational\"];"
                   "addflag \"a b\"; if hasflag :count \"eq\" \"2\" { discard; }") == "discard");
}

TEST_CASE("included scripts run with variables of their own and return to the one that includes") {
  FakeEnvironment environment;
  environment.scripts["personal a"] =
      "require [\"fileinto\", \"variables\", \"include\"]; global \"shared\";"
      "set \"own\" \"a\"; set \"shared\" \"${shared}!\"; fileinto \"A\"; return; fileinto \"no\";";
  environment.scripts["global g"] = "require \"fileinto\"; fileinto \"G\"; stop;";
  environment.scripts["personal loop"] = "require \"include\"; include \"loop\";";
  environment.scripts["personal bad"] = "keep;\n  redirect \"${x\";";
  const std::string require = "require [\"include\", \"fileinto\", \"variables\"];";
  CHECK(outcome_of(require + "global \"shared\"; set \"own\" \"me\"; set \"shared\" \"s\";"
                             "include \"a\"; fileinto \"${own}${shared}${global.shared}\";",
                   environment) == "fileinto A; fileinto mes!s!");
  CHECK(outcome_of(require + "include :global \"g\"; fileinto \"no\";", environment) ==
        "fileinto G");
  CHECK(outcome_of(require + "\ninclude \"none\";", environment) ==
        "2:1: there is no script \"none\" to include; keep");
  CHECK(outcome_of(require + "include :optional \"none\"; discard;", environment) == "discard");
  CHECK(outcome_of(
            require + "include :once \"a\"; include :once \"a\"; fileinto \"${global.shared}\";",
            environment) == "fileinto A; fileinto !");
  CHECK(outcome_of(require + "include \"loop\";", environment) ==
        "loop:1:20: scripts include each other deeper than 10; keep");
  CHECK(outcome_of(require + "\ninclude \"bad\";", environment)
            .starts_with("2:1: personal bad:2:12: "));
}

TEST_CASE("mailboxes, special uses, annotations, lists and items are asked of the host") {
  FakeEnvironment environment;
  environment.mailboxes.insert("Lists");
  environment.special_uses["Spam"] = "\\Junk";
  environment.annotations["INBOX /private/comment"] = "mine";
  environment.annotations[" /shared/admin"] = "root@example.org";
  environment.items["domain"] = "example.org";
  environment.lists["friends"] = {"ann@far.example", "eve@example.net"};
  auto holds = [&environment](std::string_view require, std::string_view test) {
    return is_true(require, test, environment);
  };
  CHECK(holds("\"mailbox\"", "mailboxexists [\"INBOX\", \"Lists\"]"));
  CHECK(!holds("\"mailbox\"", "mailboxexists [\"INBOX\", \"No\"]"));
  CHECK(holds("\"special-use\"", "specialuse_exists \"\\\\Junk\""));
  CHECK(holds("\"special-use\"", "specialuse_exists \"Spam\" \"\\\\Junk\""));
  CHECK(!holds("\"special-use\"", "specialuse_exists \"INBOX\" \"\\\\Junk\""));
  CHECK(holds("\"mboxmetadata\"", "metadata \"INBOX\" \"/private/comment\" \"MINE\""));
  CHECK(!holds("\"mboxmetadata\"", "metadata \"INBOX\" \"/private/none\" \"\""));
  CHECK(holds("\"mboxmetadata\"", "metadataexists \"INBOX\" [\"/private/comment\"]"));
  CHECK(holds("\"servermetadata\"", "servermetadata :contains \"/shared/admin\" \"root\""));
  CHECK(!holds("\"servermetadata\"", "servermetadataexists [\"/shared/admin\", \"/x\"]"));
  CHECK(holds("\"environment\"", "environment \"domain\" \"example.org\""));
  CHECK(!holds("\"environment\", \"relational\"", "environment :count \"eq\" \"vnd.none\" \"0\""));
  CHECK(!holds("\"environment\"", "environment :contains \"vnd.none\" \"\""));
  CHECK(holds("\"extlists\"", "address :list \"from\" \"friends\""));
  CHECK(!holds("\"extlists\"", "address :list \"to\" \"friends\""));
  CHECK(holds("\"extlists\"", "valid_ext_list \"friends\""));
  CHECK(!holds("\"extlists\"", "valid_ext_list [\"friends\", \"foes\"]"));
  CHECK(outcome_of("require \"extlists\"; redirect :list \"friends\";", environment) ==
        "redirect ann@far.example; redirect eve@example.net");
}

TEST_CASE("what filters said of spam and viruses is told on the scales of the standard") {
  FakeEnvironment environment;
  auto holds = [&environment](std::string_view require, std::string_view test) {
    return is_true(require, test, environment);
  };
  CHECK(holds("\"spamtest\"", "spamtest \"0\""));
  CHECK(holds("\"spamtestplus\", \"relational\"", "spamtest :percent :count \"eq\" \"0\""));
  CHECK(holds("\"virustest\"", "virustest \"0\""));
  environment.spam = 0;
  CHECK(holds("\"spamtest\"", "spamtest \"1\""));
  environment.spam = 100;
  environment.virus = 5;
  CHECK(holds("\"spamtest\"", "spamtest \"10\""));
  CHECK(holds("\"spamtestplus\"", "spamtest :percent \"100\""));
  CHECK(holds("\"virustest\"", "virustest \"5\""));
}

TEST_CASE("a duplicate is a message whose key a committed run remembers") {
  FakeEnvironment environment;
  auto compiled =
      compile("require \"duplicate\"; if duplicate :handle \"h\" :seconds 60 { discard; }");
  REQUIRE(compiled.script);
  auto first = run_script(*compiled.script, message_for_test, environment);
  CHECK(first.actions.size() == 1);
  REQUIRE(first.remembered.size() == 1);
  CHECK(first.remembered[0].seconds == 60);
  environment.memory.insert(first.remembered[0].key);
  auto second = run_script(*compiled.script, message_for_test, environment);
  CHECK(second.actions.empty());
  CHECK(second.remembered.empty());
  CHECK(!is_true("\"duplicate\"", "duplicate :handle \"other\"", environment));
  CHECK(!is_true("\"duplicate\"", "duplicate :header \"X-None\"", environment));
  auto last = compile("require \"duplicate\"; if duplicate :handle \"h\" :last { discard; }");
  REQUIRE(last.script);
  CHECK(run_script(*last.script, message_for_test, environment).remembered.size() == 1);
}
