#include "imapd/managesieve/session.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"

using namespace pennypost;
using namespace pennypost::imap::managesieve;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The scripts of a user, and dialogues over them.
class User {
 public:
  explicit User(std::vector<std::string> settings = {}) : config_(config_for_test(settings)) {}

  /// All that is said to these lines.
  std::string say(const std::string& lines, const std::string& sasl_data = "") {
    Loop loop;
    auto [server, peer] = memory_streams(loop);
    Connection connection(loop, std::move(server), Duration(5000));
    peer->try_write(lines);
    peer->shut_down();
    store::sieve::ScriptLimits limits;
    limits.script_bytes = config_->sieve_max_script_size;
    limits.scripts = Limit(2);
    store::sieve::ScriptPlace place{scratch_ / "sieve", scratch_ / ".dovecot.sieve"};
    Session session(connection, config_, nullptr, {"bob", "id", "192.0.2.8", sasl_data},
                    store::sieve::ScriptStore(place, limits));
    loop.run_until(session.serve());
    std::string bytes(1 << 20, '\0');
    auto count = peer->try_read(bytes);
    return bytes.substr(0, count.value_or(0));
  }

 private:
  Scratch scratch_;
  std::shared_ptr<const Config> config_;
};

const std::string put_keep = "PUTSCRIPT \"a\" {5+}\r\nkeep;\r\n";

}  // namespace

TEST_CASE("a script is put, listed, made active, read, renamed and removed") {
  User bob;
  auto text = bob.say(put_keep +
                      "PUTSCRIPT \"b\" \"discard;\"\r\nSETACTIVE \"a\"\r\nLISTSCRIPTS\r\n"
                      "GETSCRIPT \"a\"\r\nRENAMESCRIPT \"a\" \"c\"\r\nDELETESCRIPT \"c\"\r\n"
                      "SETACTIVE \"\"\r\nDELETESCRIPT \"c\"\r\nLISTSCRIPTS\r\nLOGOUT\r\n");
  CHECK(text ==
        "OK \"Logged in.\"\r\nOK \"Script stored.\"\r\nOK \"Script stored.\"\r\n"
        "OK \"Script is active.\"\r\n\"a\" ACTIVE\r\n\"b\"\r\nOK \"Listed.\"\r\n"
        "{5}\r\nkeep;\r\nOK \"Script sent.\"\r\nOK \"Script renamed.\"\r\n" +
            text.substr(text.find("NO (ACTIVE)"),
                        text.find("OK \"No script") - text.find("NO (ACTIVE)")) +
            "OK \"No script is active.\"\r\nOK \"Script removed.\"\r\n\"b\"\r\nOK \"Listed.\"\r\n"
            "OK \"Logging out.\"\r\n");
}

TEST_CASE("a script with mistakes is not stored, and each mistake is told with its place") {
  User bob;
  auto text = bob.say(
      "CHECKSCRIPT \"kep;\"\r\nPUTSCRIPT \"a\" {6+}\r\nkeep;;\r\nCHECKSCRIPT \"keep;\"\r\n"
      "LISTSCRIPTS\r\n");
  CHECK(has(text, "NO \"1:1: "));
  CHECK(has(text, "NO \"1:6: "));
  CHECK(text.ends_with("OK \"Script is valid.\"\r\nOK \"Listed.\"\r\n"));
}

TEST_CASE("what is refused is refused with the code of RFC 5804 section 1.3") {
  User bob({"sieve_max_script_size=1024"});
  CHECK(has(bob.say("GETSCRIPT \"x\"\r\n"), "NO (NONEXISTENT) "));
  CHECK(has(bob.say("SETACTIVE \"x\"\r\n"), "NO (NONEXISTENT) "));
  CHECK(has(bob.say(put_keep + "PUTSCRIPT \"b\" \"keep;\"\r\nRENAMESCRIPT \"a\" \"b\"\r\n"),
            "NO (ALREADYEXISTS) "));
  CHECK(has(bob.say("PUTSCRIPT \"c\" \"keep;\"\r\n"), "NO (QUOTA/MAXSCRIPTS) "));
  CHECK(has(bob.say("HAVESPACE \"c\" 10\r\n"), "NO (QUOTA/MAXSCRIPTS) "));
  CHECK(has(bob.say("HAVESPACE \"a\" 1025\r\n"), "NO (QUOTA/MAXSIZE) "));
  CHECK(has(bob.say("HAVESPACE \"a\" 1024\r\n"), "OK "));
  auto text = bob.say("PUTSCRIPT \"a\" {2000+}\r\n" + std::string(2000, '#') + "\r\nNOOP\r\n");
  CHECK(has(text, "NO (QUOTA/MAXSIZE) "));
  CHECK(text.ends_with("OK \"Done.\"\r\n"));
  for (const char* name : {"../x", ".x", "a/b", "\"\"", "x\x7f"}) {
    CAPTURE(name);
    text = bob.say("PUTSCRIPT {" + std::to_string(std::string_view(name).size()) + "+}\r\n" + name +
                   " \"keep;\"\r\n");
    CHECK(has(text, "\r\nNO "));
  }
}

TEST_CASE(
    "CAPABILITY after login names the owner, and SASL's last message stands in the first OK") {
  User bob;
  auto text = bob.say("CAPABILITY\r\nNOOP \"t\"\r\n", "dj13b3Jkcw==");
  CHECK(text.starts_with("OK (SASL \"dj13b3Jkcw==\") \"Logged in.\"\r\n"));
  CHECK(has(text, "\"OWNER\" \"bob\"\r\n"));
  CHECK(has(text, "\"MAXREDIRECTS\" \"4\"\r\n"));
  CHECK_FALSE(has(text, "STARTTLS"));
  CHECK(text.ends_with("OK (TAG \"t\") \"Done.\"\r\n"));
}

TEST_CASE("a session is logged with its end and its bytes, and ten mistakes in a row end it") {
  LogCapture log;
  User bob;
  auto text = bob.say(put_keep + "LOGOUT\r\n");
  CHECK(log.last() == "managesieve: user=<bob>, session=<id>: Disconnected: Logged out bytes=" +
                          std::to_string(put_keep.size() + 8) + "/" + std::to_string(text.size()));
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += "FOO\r\n";
  CHECK(bob.say(lines).ends_with("BYE \"Too many bad commands.\"\r\n"));
}

TEST_CASE("UNAUTHENTICATE is answered last, and ends the session") {
  User bob;
  CHECK(bob.say("UNAUTHENTICATE \"now\"\r\nUNAUTHENTICATE\r\nLISTSCRIPTS\r\n") ==
        "OK \"Logged in.\"\r\nNO \"Write: UNAUTHENTICATE\"\r\n"
        "OK \"You are logged out, and may log in again.\"\r\n");
}
