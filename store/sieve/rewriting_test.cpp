#include <doctest/doctest.h>

#include <algorithm>

#include "common/mail/mime.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

constexpr std::string_view message =
    "Received: by a\n"
    "From: ann@far.example\n"
    "Subject: old\n"
    "Content-Type: multipart/mixed; boundary=b\n"
    "\n"
    "--b\n"
    "Content-Type: text/plain\n"
    "\n"
    "first\n"
    "--b\n"
    "Content-Type: application/x-evil\n"
    "\n"
    "evil\n"
    "--b\n"
    "Content-Type: text/html\n"
    "\n"
    "<p>third\n"
    "--b--\n";

constexpr std::string_view require =
    "require [\"foreverypart\", \"mime\", \"replace\", \"enclose\", \"editheader\", \"variables\","
    "\"fileinto\", \"copy\", \"body\"];";

/// The message as the action at `at` gets it.
std::string message_after(std::string_view script, std::size_t at = 0,
                          std::string_view text = message) {
  auto compiled = compile(std::string(require) + std::string(script));
  REQUIRE(compiled.mistakes == Mistakes{});
  auto outcome = run_script(*compiled.script, text, FakeEnvironment());
  if (outcome.failure) return outcome.failure->shown();
  const auto& action = outcome.actions.at(at);
  const auto* redirect = std::get_if<Redirect>(&action);
  const auto& form = redirect != nullptr ? redirect->form : std::get<FileInto>(action).form;
  return form ? pennypost::edited(text, *form) : std::string(text);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

constexpr std::string_view text_fields =
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: quoted-printable\n\n";

}  // namespace

TEST_CASE("replace puts a text in the place of the part that a loop looks at, and of no other") {
  constexpr std::string_view script =
      "foreverypart { if header :mime :contenttype \"content-type\" \"application/x-evil\" {"
      "replace \"It was evil.\"; } }";
  CHECK(message_after(script) == replaced(std::string(message),
                                          "Content-Type: application/x-evil\n\nevil",
                                          std::string(text_fields) + "It was evil."));
  CHECK(message_after("foreverypart { if header :mime :type \"content-type\" \"text\" {"
                      "replace :mime \"Content-Type: text/plain\n\nlonger than before\"; } }") ==
        replaced(replaced(std::string(message), "first", "longer than before"),
                 "Content-Type: text/html\n\n<p>third",
                 "Content-Type: text/plain\n\nlonger than before"));
  CHECK(message_after("addheader \"X-A\" \"a\";" + std::string(script) +
                      "deleteheader \"subject\"; addheader :last \"X-B\" \"b\";") ==
        "X-A: a\n" + replaced(replaced(replaced(std::string(message),
                                                "Content-Type: application/x-evil\n\nevil",
                                                std::string(text_fields) + "It was evil."),
                                       "Subject: old\n", ""),
                              "boundary=b\n", "boundary=b\nX-B: b\n"));
}

TEST_CASE("replace outside of a loop makes a new body, and keeps what the header said") {
  CHECK(message_after("replace \"gone\";") ==
        "Received: by a\nFrom: ann@far.example\nSubject: old\n" + std::string(text_fields) +
            "gone\n");
  CHECK(message_after("replace :subject \"new\" :from \"bob@example.org\" \"gone\";") ==
        "Received: by a\nOriginal-From: ann@far.example\nOriginal-Subject: old\nSubject: new\n"
        "From: bob@example.org\n" +
            std::string(text_fields) + "gone\n");
  CHECK(message_after("replace :mime \"Content-Type: text/html\n\n<p>\";") ==
        "Received: by a\nFrom: ann@far.example\nSubject: old\nMIME-Version: 1.0\n"
        "Content-Type: text/html\n\n<p>");
}

TEST_CASE("the parts within a replaced multipart are not looked at, and tests see the new text") {
  CHECK(outcome_of(std::string(require) + "foreverypart { replace \"gone\"; set \"n\" \"${n}.\"; }"
                                          "if body :contains \"gone\" { fileinto \"${n}\"; }",
                   FakeEnvironment(), message) == "fileinto .");
}

TEST_CASE("enclose makes the message an attachment, but not for redirects") {
  constexpr std::string_view script =
      "addheader \"X-A\" \"a\"; enclose :subject \"See\" :headers [\"subject\"] \"Look:\";"
      "addheader \"X-B\" \"b\"; keep; redirect \"eve@example.net\";";
  auto text = message_after(script);
  CHECK(
      text.starts_with("X-B: b\nReceived: by a\nSubject: old\nFrom: bob+lists@example.org\n"
                       "Date: Tue, 14 Nov 2023 23:13:20 +0100\nSubject: See\n"
                       "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\""));
  auto root = pennypost::parse_mime(text);
  REQUIRE(root.children.size() == 2);
  CHECK(text.substr(root.children[0].body.offset, root.children[0].body.bytes) == "Look:\n");
  CHECK(root.children[1].is("message", "rfc822"));
  CHECK(text.substr(root.children[1].body.offset, root.children[1].body.bytes) ==
        "X-A: a\n" + std::string(message));
  CHECK(message_after(script, 1) == "X-A: a\n" + std::string(message));
}

TEST_CASE("new bodies have the line ends of the message") {
  constexpr std::string_view crlf = "Subject: s\r\n\r\nx\r\n";
  for (std::string_view script : {"replace \"a\";", "enclose \"a\";"}) {
    auto text = message_after(script, 0, crlf);
    CHECK(std::ranges::count(text, '\n') == std::ranges::count(text, '\r'));
  }
}

TEST_CASE("a script rewrites a message a bounded number of times, and with Content- fields only") {
  std::string many;
  for (int i = 0; i < 21; ++i) many += "\nenclose \"a\";";
  CHECK(message_after(many) ==
        "22:1: the script replaces or encloses a message more than 20 times");
  CHECK(message_after("\nreplace :mime \"Bcc: a@b.example\n\nx\";")
            .starts_with("2:1: with :mime the text begins with Content- fields"));
}
