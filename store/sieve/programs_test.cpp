#include <doctest/doctest.h>

#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

/// All that an admin may have set.
Extensions with_programs() {
  auto offered = usual_extensions();
  for (auto one : {Extension::DovecotExecute, Extension::DovecotFilter, Extension::DovecotPipe}) {
    offered.add(one);
  }
  return offered;
}

std::string run(std::string_view script, const FakeEnvironment& environment = {}) {
  return outcome_of(
      "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"copy\",\n"
      "\"variables\", \"fileinto\", \"reject\"];\n" +
          std::string(script),
      environment, message_for_test, {}, with_programs());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("programs are there for scripts only where the admin names a directory of them") {
  CHECK(has(outcome_of("require \"vnd.dovecot.pipe\"; pipe \"a\";"), "is not offered here"));
  CHECK(outcome_of("require \"ihave\"; if ihave \"vnd.dovecot.pipe\" { pipe \"a\"; }") == "keep");
  CHECK(outcome_of("require \"ihave\"; if ihave \"vnd.dovecot.pipe\" { pipe \"a\"; }",
                   FakeEnvironment(), message_for_test, {},
                   with_programs()) == "pipe a; else keep");
  CHECK(extension_names(with_programs()).size() == extension_names(usual_extensions()).size() + 3);
}

TEST_CASE("a pipe takes the place of the implicit keep, which comes back if the program fails") {
  CHECK(run("pipe \"learn\" [\"spam\", \"-v\"];") == "pipe learn spam -v; else keep");
  CHECK(run("pipe :try \"learn\";") == "pipe learn try; else keep");
  CHECK(run("pipe :copy \"learn\";") == "pipe learn copy; keep");
  CHECK(run("pipe \"learn\"; keep;") == "pipe learn; keep");
  CHECK(run("pipe \"learn\"; discard;") == "pipe learn");
  CHECK(run("pipe \"a\"; fileinto \"B\";") == "pipe a; fileinto B");
  CHECK(run("set \"x\" \"ann\"; pipe \"a\" \"to ${x}\";") == "pipe a to ann; else keep");
}

TEST_CASE("a message is piped to a program once, and not if it is rejected") {
  CHECK(has(run("pipe \"a\"; pipe :copy \"a\" \"again\";"), "only once; keep"));
  CHECK(has(run("pipe \"a\"; reject \"no\";"), "can't be rejected as well; keep"));
  CHECK(has(run("reject \"no\"; pipe \"a\";"), "can't be piped as well; keep"));
}

TEST_CASE("a program has a constant name without a slash, and arguments of one line") {
  for (const char* name : {"", ".", "..", "a/b", "/bin/sh", "a\\nb\x01", "\xc2\x85"}) {
    CAPTURE(name);
    CHECK(has(run("pipe \"" + std::string(name) + "\";"), "is no name of a program"));
  }
  CHECK(has(run("pipe \"${x}\";"), "a program's name is constant"));
  CHECK(has(run("pipe \"a\" text:\none\ntwo\n.\n;"), "one line"));
  CHECK(has(run("set \"x\" text:\none\ntwo\n.\n; pipe \"a\" \"${x}\";"), "one line"));
  std::string many = "\"0\"";
  for (int i = 1; i < 33; ++i) many += ",\"" + std::to_string(i) + "\"";
  CHECK(has(run("pipe \"a\" [" + many + "];"), "at most 32 arguments"));
}

TEST_CASE("a filter changes the message for what comes behind it, if it succeeds") {
  FakeEnvironment host;
  host.programs["mark"] = {"", 0, "Subject: marked\r\n\r\nNew.\r\n"};
  host.programs["refuse"] = {"", 1, "Subject: refused\n\n"};
  host.programs["mute"] = {"", 0, ""};
  CHECK(run("filter \"mark\"; if header \"Subject\" \"marked\" { discard; }", host) == "discard");
  CHECK(host.programs_run ==
        std::vector<std::string>{"mark < Return-Path: <ann@far.example>\nReceived:"});
  CHECK(run("if filter \"mark\" { discard; }", host) == "discard");
  CHECK(run("if filter \"refuse\" { discard; }", host) == "keep");
  CHECK(run("filter \"refuse\"; if header \"Subject\" \"refused\" { discard; }", host) == "keep");
  CHECK(run("if filter \"absent\" { discard; }", host) == "keep");
  CHECK(has(run("filter \"absent\"; discard;", host), "there is no program absent; keep"));
  CHECK(has(run("filter \"mute\"; discard;", host), "has written no message; keep"));
}

TEST_CASE("execute gives a text or the message to a program, and its output to a variable") {
  FakeEnvironment host;
  host.programs["ask"] = {"", 0, "yes"};
  host.programs["deny"] = {"", 3, "no"};
  CHECK(run("if execute :output \"x\" :input \"who\" \"ask\" [\"-a\"] { fileinto \"${x}\"; }",
            host) == "fileinto yes");
  CHECK(host.programs_run == std::vector<std::string>{"ask -a < who"});
  CHECK(run("set \"x\" \"old\"; execute :output \"x\" \"deny\"; fileinto \"${x}\";", host) ==
        "fileinto old");
  CHECK(run("if not execute :pipe \"deny\" { discard; }", host) == "discard");
  CHECK(host.programs_run.back() == "deny < Return-Path: <ann@far.example>\nReceived:");
  CHECK(has(run("execute :pipe :input \"x\" \"ask\";", host), "can't stand beside"));
  CHECK(has(run("execute :output \"1\" \"ask\";", host), "is no name of a variable"));
  CHECK(has(run("execute \"absent\"; discard;", host), "there is no program absent; keep"));
}

TEST_CASE("a script runs a bounded number of programs for one message") {
  FakeEnvironment host;
  host.programs["a"] = {"", 0, "x"};
  std::string script;
  for (int i = 0; i < 10; ++i) script += "execute \"a\"; ";
  CHECK(run(script + "discard;", host) == "discard");
  CHECK(has(run(script + "if not execute \"a\" { discard; }", host), "more than 10 programs"));
}

TEST_CASE("what is piped is the message as it was there, with all its changes so far") {
  FakeEnvironment host;
  host.programs["mark"] = {"", 0, "Subject: marked\n\nNew.\n"};
  auto compiled = compile(
      "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"editheader\"];\n"
      "filter \"mark\"; pipe :try \"b\"; addheader \"X-Late\" \"1\";",
      with_programs());
  REQUIRE(compiled.script);
  auto outcome = run_script(*compiled.script, message_for_test, host);
  REQUIRE(outcome.actions.size() == 1);
  const auto& pipe = std::get<Pipe>(outcome.actions[0]);
  REQUIRE(pipe.form);
  CHECK(pennypost::edited(message_for_test, *pipe.form) == "Subject: marked\n\nNew.\n");
  REQUIRE(outcome.kept_unless_piped);
  CHECK(has(pennypost::edited(message_for_test, *outcome.kept_unless_piped->form), "X-Late: 1"));
}
