#include <doctest/doctest.h>

#include "store/mailbox/delivery.h"
#include "store/sieve/notify_uri.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

std::string trouble(std::string_view uri) {
  auto parsed = parse_mailto(uri);
  return parsed ? "" : parsed.error().text();
}

}  // namespace

TEST_CASE("a mailto URI gives recipients, subject, body and fields") {
  auto parsed = parse_mailto(
      "MAILTO:ann@example.org%2Cb%40c.example?subject=a%20b&body=x%0Ay&X-Tag=1&to=eve@example.net"
      "&From=evil@example.net&Resent-To=e@example.net");
  REQUIRE(parsed);
  CHECK(parsed->recipients ==
        std::vector<std::string>{"ann@example.org", "b@c.example", "eve@example.net"});
  CHECK(parsed->subject == "a b");
  CHECK(parsed->body == "x\ny");
  REQUIRE(parsed->fields.size() == 1);
  CHECK(parsed->fields[0].first == "X-Tag");
}

TEST_CASE("a URI that notifies nobody is refused with the reason") {
  CHECK(trouble("xmpp:a@b.example").starts_with("there is no way to notify"));
  CHECK(trouble("mailto:").starts_with("the URI names no recipient"));
  CHECK(trouble("mailto:ann").starts_with("\"ann\" is no mail address with a domain"));
  CHECK(trouble("mailto:a%4").starts_with("in a URI % must be followed by two hex digits"));
  CHECK(trouble("mailto:a@b.example?subject").starts_with("in a mailto URI each field"));
  CHECK(trouble("mailto:a@b.example?a%20b=c").starts_with("\"a b\" is no name of a header field"));
  std::string many = "mailto:a0@b.example";
  for (int i = 1; i < 9; ++i) many += ",a" + std::to_string(i) + "@b.example";
  CHECK(trouble(many).starts_with("a notification has at most 8 recipients"));
}

TEST_CASE("a notification says that it is one, and is sent for no automatic message") {
  auto compiled = compile(
      "require [\"enotify\"]; notify :importance \"1\" :message \"News\" "
      "\"mailto:eve@example.net?X-Tag=1\";");
  REQUIRE(compiled.script);
  auto outcome = run_script(*compiled.script, message_for_test, FakeEnvironment());
  REQUIRE(outcome.actions.size() == 2);
  const auto& message = std::get<SendMessage>(outcome.actions[0]);
  CHECK(message.recipient == "eve@example.net");
  CHECK(message.is_from_owner);
  CHECK(pennypost::store::check_reply({message.recipient, true, message.text}));
  CHECK(message.text.starts_with(
      "From: bob+lists@example.org\nTo: eve@example.net\nSubject: News\n"
      "Date: Tue, 14 Nov 2023 23:13:20 +0100\n"
      "Auto-Submitted: auto-notified; owner-email=\"bob+lists@example.org\"\n"
      "Importance: high\nX-Priority: 1\nX-Tag: 1\nMIME-Version: 1.0\n"));
  auto automatic = "Auto-Submitted: auto-replied (vacation)\n" + std::string(message_for_test);
  CHECK(run_script(*compiled.script, automatic, FakeEnvironment()).actions.size() == 1);
}

TEST_CASE("the tests of notification methods know mailto and nothing else") {
  CHECK(is_true("\"enotify\"", "valid_notify_method \"mailto:a@b.example\""));
  CHECK(!is_true("\"enotify\"", "valid_notify_method [\"mailto:a@b.example\", \"tel:1\"]"));
  CHECK(is_true("\"enotify\"",
                "notify_method_capability \"mailto:a@b.example\" \"Online\" \"maybe\""));
  CHECK(!is_true("\"enotify\"",
                 "notify_method_capability \"mailto:a@b.example\" \"Online\" \"yes\""));
  CHECK(!is_true("\"enotify\"", "notify_method_capability \"tel:1\" \"online\" \"maybe\""));
}
