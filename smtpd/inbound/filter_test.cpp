#include "smtpd/inbound/filter.h"

#include <doctest/doctest.h>

#include <functional>

#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// Answers as a test tells it, and records what it is shown.
class ScriptedFilter final : public Filter {
 public:
  struct Script {
    std::function<FilterAnswer(FilteredMessage&)> at_header;
    std::function<FilterAnswer(FilteredMessage&)> at_end;
    std::string new_body;
    std::size_t new_body_pieces = 1;
    FilterAnswer at_body;
    std::string header;
    std::vector<std::string> body;
    int ends = 0;
    int aborts = 0;
  };
  explicit ScriptedFilter(Script& script) : script_(script) {}

  Task<FilterAnswer> header(FilteredMessage& message) override {
    script_.header = message.header();
    CHECK(script_.body.empty());
    if (!script_.at_header) co_return FilterAnswer();
    co_return script_.at_header(message);
  }
  Task<FilterAnswer> body(std::string_view piece) override {
    script_.body.emplace_back(piece);
    co_return script_.at_body;
  }
  Task<FilterAnswer> end(FilteredMessage& message) override {
    ++script_.ends;
    if (!script_.new_body.empty()) {
      for (std::size_t i = 0; i < script_.new_body_pieces; ++i) {
        co_await message.replace_body(script_.new_body);
      }
    }
    if (!script_.at_end) co_return FilterAnswer();
    co_return script_.at_end(message);
  }
  void abort() override { ++script_.aborts; }

 private:
  Script& script_;
};

using Script = ScriptedFilter::Script;

const std::string envelope_lines =
    "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<ann@client.example>\nS~ 250\n"
    "C: RCPT TO:<bob@example.com>\nS~ 250\nC: RCPT TO:<carol@example.com>\nS~ 250\n"
    "C: DATA\nS~ 354\n";
const std::string taken = "C: .\nS: 250 2.0.0 Ok: queued as QUEUEID\nC: QUIT\nS~ 221\n";

void add(Stage& stage, std::vector<Script*> scripts) {
  stage.add_filters = [scripts](FilterChain& chain) {
    for (auto* script : scripts) chain.add(std::make_unique<ScriptedFilter>(*script));
  };
}

std::string lines(const std::string& line, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

/// An edit that replaces `from` in a header.
Edit replacing(const std::string& header, const std::string& from, std::string to) {
  auto at = header.find(from);
  REQUIRE(at != std::string::npos);
  return {at, from.size(), std::move(to)};
}

}  // namespace

TEST_CASE("filters see the header whole, with our Received on top, and then the body") {
  Script script;
  Stage stage;
  add(stage, {&script});
  SUBCASE("of a small message") {
    CHECK(stage.run(envelope_lines + "C: Subject: x\nC:  y\nC:\nC: text\nC:\nC: end\n" + taken) ==
          "");
    CHECK(script.body == std::vector<std::string>{"text\n\nend\n"});
    CHECK(script.header.ends_with("\nSubject: x\n y\n"));
  }
  SUBCASE("of a large one in several pieces") {
    std::string long_line(900, 'x');
    CHECK(stage.run(envelope_lines + "C: Subject: x\nC:\n" + lines("C: " + long_line + "\n", 500) +
                    taken) == "");
    CHECK(script.body.size() > 3);
    std::string whole;
    for (const auto& piece : script.body) whole += piece;
    CHECK(whole == lines(long_line + "\n", 500));
    CHECK(script.header.ends_with("\nSubject: x\n"));
    CHECK(stage.backend.content_as_sent() == "Subject: x\n\n" + whole);
  }
  SUBCASE("of one whose header is larger than memory keeps") {
    std::string field = "X-Long: " + std::string(900, 'x') + "\n";
    CHECK(stage.run(envelope_lines + lines("C: " + field, 200) + "C:\nC: text\n" + taken) == "");
    CHECK(script.header.ends_with(lines(field, 200)));
    CHECK(script.body == std::vector<std::string>{"text\n"});
  }
  SUBCASE("of one without an empty line") {
    CHECK(stage.run(envelope_lines + "C: Subject: x\nC: no field\n" + taken) == "");
    CHECK(script.header.ends_with("\nSubject: x\n"));
    CHECK(script.body == std::vector<std::string>{"no field\n"});
    CHECK(stage.backend.content_as_sent() == "Subject: x\n\nno field\n");
  }
  CHECK(script.header.starts_with("Received: from c.example"));
  CHECK(script.ends == 1);
  CHECK(script.aborts == 0);
}

TEST_CASE("what a filter changes in a header is what the next one sees, and what is stored") {
  Script first;
  Script second;
  first.at_header = [](FilteredMessage& message) {
    auto header = message.header();
    auto to = replacing(header, "To: a\n", "");
    message.edit_header({replacing(header, "Subject: x", "Subject: [list] x"),
                         to,
                         {to.offset + to.erase, 0, "X-First: 1\n"}});
    return FilterAnswer();
  };
  second.at_header = [](FilteredMessage& message) {
    auto header = message.header();
    message.edit_header({{0, 0, "X-Top: 2\n"}, replacing(header, "X-First: 1", "X-First: 2")});
    return FilterAnswer();
  };
  second.at_end = [](FilteredMessage& message) {
    auto header = message.header();
    message.edit_header({{header.size(), 0, "X-Last: 3\n"}});
    return FilterAnswer();
  };
  Stage stage;
  add(stage, {&first, &second});
  CHECK(stage.run(envelope_lines + "C: Subject: x\nC: To: a\nC: Cc: b\nC:\nC: text\n" + taken) ==
        "");
  CHECK(second.header.ends_with("Subject: [list] x\nX-First: 1\nCc: b\n"));
  auto content = stage.backend.content();
  CHECK(content.starts_with("X-Top: 2\nReceived: "));
  CHECK(content.ends_with("Subject: [list] x\nX-First: 2\nCc: b\nX-Last: 3\n\ntext\n"));
}

TEST_CASE("a filter's edits switch no fix-up off: what a client of ours left out is added") {
  Script script;
  script.at_header = [](FilteredMessage& message) {
    message.edit_header({replacing(message.header(), "Subject: x", "Subject: y\nCc: dave")});
    return FilterAnswer();
  };
  Stage stage({"mynetworks=198.51.100.0/24", "canonical_maps=inline:{a=b}"});
  add(stage, {&script});
  CHECK(stage.run(envelope_lines +
                  "C: Subject: x\nC: To: carol, old@client.example\nC: Bcc: z\nC:\nC: text\n" +
                  taken) == "");
  auto content = stage.backend.content();
  for (const char* part : {"\nSubject: y\nCc: dave@mail.example.com\n",
                           "\nTo: carol@mail.example.com, new@client.example\n",
                           "\nDate: ", "\nMessage-ID: <", "\nFrom: ann@client.example\n"}) {
    CAPTURE(part);
    CHECK(content.find(part) != std::string::npos);
  }
  CHECK(content.find("Bcc") == std::string::npos);
  CHECK(stage.backend.messages[0].envelope.message_id.find("QUEUEID") != std::string::npos);
}

TEST_CASE("a filter changes sender and recipients") {
  Script script;
  Stage stage;
  add(stage, {&script});
  auto addresses = [&] {
    std::string all = stage.backend.messages.at(0).envelope.sender + ":";
    for (const auto& one : stage.backend.messages[0].envelope.recipients) {
      all += " " + std::to_string(one.number) + "/" + one.original + "/" + one.address;
    }
    return all;
  };
  std::string message = "C: Subject: x\nC:\nC: text\n";
  SUBCASE("adding and removing") {
    script.at_header = [](FilteredMessage& to) {
      to.set_sender("list@example.com");
      to.remove_recipient("bob@example.com");
      to.add_recipient("carol@example.com");
      to.add_recipient("dave@example.com");
      return FilterAnswer();
    };
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(addresses() ==
          "list@example.com: 2/carol@example.com/carol@example.com "
          "3/dave@example.com/dave@example.com");
  }
  SUBCASE("sending all elsewhere") {
    script.at_end = [](FilteredMessage& to) {
      to.redirect("eve@example.com");
      return FilterAnswer();
    };
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(addresses() == "ann@client.example: 1/bob@example.com/eve@example.com");
  }
  SUBCASE("leaving none: the message is discarded") {
    script.at_end = [](FilteredMessage& to) {
      to.remove_recipient("bob@example.com");
      to.remove_recipient("carol@example.com");
      return FilterAnswer();
    };
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(stage.backend.messages.empty());
  }
  SUBCASE("holding it") {
    script.at_header = [](FilteredMessage& to) {
      to.hold();
      return FilterAnswer();
    };
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(stage.backend.messages.at(0).envelope.is_held);
  }
}

TEST_CASE("a filter that replaces the body leaves the header and nothing else of the old one") {
  Script script;
  Stage stage({"message_size_limit=2000000"});
  add(stage, {&script});
  script.at_header = [](FilteredMessage& message) {
    message.edit_header({replacing(message.header(), "Subject: x", "Subject: y")});
    return FilterAnswer();
  };
  const std::string small = "C: Subject: x\nC:\nC: text\n";
  const std::string large =
      "C: Subject: x\nC:\n" + lines("C: " + std::string(900, 'x') + "\n", 500);
  bool is_small = true;
  bool is_large_now = false;
  SUBCASE("a small one by a small one") {}
  SUBCASE("a small one by a large one") { is_large_now = true; }
  SUBCASE("a large one by a small one") { is_small = false; }
  SUBCASE("a large one by a large one") {
    is_small = false;
    is_large_now = true;
  }
  script.new_body = is_large_now ? lines(std::string(899, 'n') + "\n", 100) : "new\n";
  script.new_body_pieces = is_large_now ? 8 : 2;
  CHECK(stage.run(envelope_lines + (is_small ? small : large) + taken) == "");
  std::string expected = "Subject: y\n\n";
  for (std::size_t i = 0; i < script.new_body_pieces; ++i) expected += script.new_body;
  CHECK(stage.backend.content_as_sent() == expected);
  CHECK(stage.backend.messages.at(0).envelope.body_is_file == (!is_small || is_large_now));
  CHECK_FALSE(stage.backend.messages[0].envelope.is_8bit);
}

TEST_CASE("a new body may not be larger than message_size_limit") {
  Script script;
  script.new_body = lines(std::string(99, 'n') + "\n", 10);
  script.new_body_pieces = 3;
  Stage stage({"message_size_limit=2000"});
  add(stage, {&script});
  CHECK(stage.run(envelope_lines + "C: Subject: x\nC:\nC: text\nC: .\n" +
                  "S: 552 5.3.4 Error: message file too big\nC: QUIT\nS~ 221\n") == "");
  CHECK(stage.backend.messages.empty());
  CHECK(script.aborts == 1);
}

TEST_CASE("what a filter refuses is refused at the end, in its words, and nothing more is shown") {
  Script script;
  Script next;
  Stage stage;
  add(stage, {&script, &next});
  const std::string refused = "C: .\nS: 550 5.7.1 not wanted\nC: QUIT\nS~ 221\n";
  const std::string large =
      "C: Subject: x\nC:\n" + lines("C: " + std::string(900, 'x') + "\n", 500);
  SUBCASE("by its header") {
    script.at_header = [](FilteredMessage&) {
      return FilterAnswer(Reply(550, "5.7.1", "not wanted"));
    };
    CHECK(stage.run(envelope_lines + large + refused) == "");
    CHECK(script.body.empty());
    CHECK(stage.backend.file == -1);
  }
  SUBCASE("by its body") {
    script.at_body = FilterAnswer(Reply(550, "5.7.1", "not wanted"));
    CHECK(stage.run(envelope_lines + large + refused) == "");
    CHECK(script.body.size() == 1);
  }
  SUBCASE("at its end") {
    script.at_end = [](FilteredMessage&) {
      return FilterAnswer(Reply(550, "5.7.1", "not wanted"));
    };
    CHECK(stage.run(envelope_lines + large + refused) == "");
  }
  CHECK(next.ends == 0);
  CHECK(script.aborts == 1);
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a chunk that a filter refuses is answered so, and the last chunk behind it is refused") {
  Script script;
  script.at_header = [](FilteredMessage&) {
    return FilterAnswer(Reply(550, "5.7.1", "not wanted"));
  };
  Stage stage;
  add(stage, {&script});
  std::string text = "Subject: x\n\n" + lines(std::string(98, 'x') + "\n", 1000);
  std::string wire;
  for (char c : text) wire += c == '\n' ? std::string("\r\n") : std::string(1, c);
  std::string script_text = envelope_lines.substr(0, envelope_lines.find("C: DATA"));
  script_text += "C: BDAT " + std::to_string(wire.size()) + "\n" + "C: Subject: x\nC:\n" +
                 lines("C: " + std::string(98, 'x') + "\n", 1000) +
                 "S: 550 5.7.1 not wanted\nC> BDAT 3 LAST\\r\\nabc\n"
                 "S: 503 5.5.1 Error: an earlier chunk was refused\n"
                 "C: MAIL FROM:<ann@client.example>\nS~ 250\nC: QUIT\nS~ 221\n";
  CHECK(stage.run(script_text) == "");
  CHECK(stage.backend.messages.empty());
}

TEST_CASE(
    "header_checks act on what comes in: our Received too, before other filters and fix-ups") {
  Script script;
  Stage stage({"header_checks=inline:{a=b}", "mynetworks=198.51.100.0/24"});
  add(stage, {&script});
  const std::string message = "C: Subject: x\nC: To: carol\nC: X-Spam: 1\nC:\nC: text\n";
  SUBCASE("changing fields") {
    stage.backend.header_actions = {{"Subject: x", "REPLACE Subject: y"}, {"X-Spam: 1", "IGNORE"}};
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(script.header.ends_with("\nSubject: y\nTo: carol\n"));
    REQUIRE(stage.backend.checked_headers.size() == 1);
    CHECK(stage.backend.checked_headers[0].service == "smtp");
    CHECK(
        stage.backend.checked_headers[0].blocks.at(0).text.starts_with("Received: from c.example"));
    CHECK(stage.backend.content().find("\nTo: carol@mail.example.com\n") != std::string::npos);
    CHECK(stage.backend.content().find("\nDate: ") != std::string::npos);
  }
  SUBCASE("refusing") {
    stage.backend.header_actions = {{"X-Spam: 1", "REJECT 5.7.9 no spam"}};
    CHECK(stage.run(envelope_lines + message + "C: .\nS: 550 5.7.9 no spam\nC: QUIT\nS~ 221\n") ==
          "");
    CHECK(stage.backend.messages.empty());
  }
  SUBCASE("discarding") {
    stage.backend.header_actions = {{"X-Spam: 1", "DISCARD"}};
    CHECK(stage.run(envelope_lines + message + taken) == "");
    CHECK(stage.backend.messages.empty());
  }
  SUBCASE("holding and redirecting") {
    stage.backend.header_actions = {{"X-Spam: 1", "HOLD"}, {"Subject: x", "REDIRECT eve@x.test"}};
    CHECK(stage.run(envelope_lines + message + taken) == "");
    const auto& envelope = stage.backend.messages.at(0).envelope;
    CHECK(envelope.is_held);
    REQUIRE(envelope.recipients.size() == 1);
    CHECK(envelope.recipients[0].address == "eve@x.test");
    CHECK(envelope.recipients[0].original == "bob@example.com");
  }
  SUBCASE("without an answer the message is to be sent again") {
    stage.backend.header_actions = {};
    stage.backend.is_header_check_down = true;
    CHECK(stage.run(envelope_lines + message +
                    "C: .\nS: 451 4.3.0 Error: temporary lookup failure\nC: QUIT\nS~ 221\n") == "");
  }
}

TEST_CASE("no_header_body_checks leaves header_checks out for its service") {
  for (bool is_left_out : {true, false}) {
    Stage stage({"header_checks=inline:{a=b}",
                 is_left_out ? "receive_override_options=no_header_body_checks"
                             : "receive_override_options=no_milters"});
    CHECK(stage.run("S~ 220\nC: HELO c.example\nS~ 250\nC: MAIL FROM:<a@a.example>\nS~ 250\n"
                    "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: A: b\nC:\n"
                    "C: .\nS~ 250\nC: QUIT\nS~ 221\n") == "");
    CHECK(stage.backend.checked_headers.empty() == is_left_out);
  }
}

TEST_CASE("without header_checks nobody is asked about a header") {
  Stage stage;
  CHECK(stage.run(envelope_lines + "C: Subject: x\nC:\nC: text\n" + taken) == "");
  CHECK(stage.backend.checked_headers.empty());
}
