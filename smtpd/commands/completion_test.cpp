#include "smtpd/commands/completion.h"

#include <doctest/doctest.h>

#include <array>

#include "smtpd/commands/usage.h"

using namespace pennypost::smtp;

namespace {

using Words = std::vector<std::string>;

constexpr std::array commands{
    CommandWords{"check", usage::service}, CommandWords{"domain", usage::domain},
    CommandWords{"postconf", usage::postconf}, CommandWords{"throttle", usage::throttle},
    CommandWords{"user", usage::user}};

Words complete(const Words& words) { return completions(commands, words); }

}  // namespace

TEST_CASE("a command's verbs and options are those of its usage text") {
  CHECK(words_of_usage("user", usage::user) ==
        Words{"--archive",   "--expires", "--hold",  "--json", "--logins", "--reason", "--scope",
              "--with-mail", "-c",        "-d",      "-l",     "-m",       "-o",       "-q",
              "-s",          "add",       "apppass", "block",  "del",      "list",     "passwd",
              "quota",       "rename",    "set",     "show",   "unblock"});
  CHECK(words_of_usage("throttle", usage::throttle) == Words{"--all", "-c", "lift", "list"});
  CHECK(words_of_usage("postqueue", usage::postqueue) == Words{"-c", "-f", "-i", "-j", "-p", "-s"});
  CHECK(words_of_usage("postcat", usage::postcat) == Words{"-b", "-c", "-e", "-h", "-q", "-v"});
}

TEST_CASE("the shell is offered commands, then their verbs, then their options") {
  CHECK(complete({"pennypost", "d"}) == Words{"domain"});
  CHECK(complete({"pennypost", "user", ""}) ==
        Words{"--archive", "--expires",   "--help", "--hold",  "--json", "--logins", "--reason",
              "--scope",   "--with-mail", "-c",     "-d",      "-l",     "-m",       "-o",
              "-q",        "-s",          "add",    "apppass", "block",  "del",      "list",
              "passwd",    "quota",       "rename", "set",     "show",   "unblock"});
  CHECK(complete({"pennypost", "user", "add", "a"}).empty());
  CHECK(complete({"pennypost", "user", "add", "-q"}) == Words{"-q"});
  CHECK(complete({"postconf", "relayh"}) == Words{"relayhost"});
  CHECK(complete({"postconf", "--t"}) == Words{"--topics"});
  CHECK(complete({"pennypost", "-c", "/etc/x"}).empty());
  CHECK(complete({"pennypost", "-c", "/etc/x", "thr"}) == Words{"throttle"});
  CHECK(complete({"pennypost", "nothing", ""}).empty());
  CHECK(complete({"pennypost"}).empty());
}
