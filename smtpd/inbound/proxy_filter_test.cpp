#include "smtpd/inbound/proxy_filter.h"

#include <algorithm>

#include "common/session/dialogue.h"
#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A session with a filter that follows a script: C: is what the filter says, S: what it hears.
struct Filtered {
  explicit Filtered(std::string script, std::vector<std::string> settings = {})
      : stage(with_filter(std::move(settings))), playing(stage.loop) {
    stage.backend.play_filter = [this, script = std::move(script)] {
      auto [ours, theirs] = memory_streams(stage.loop);
      playing.start(follow(std::move(theirs), script));
      return std::move(ours);
    };
  }
  static std::vector<std::string> with_filter(std::vector<std::string> settings) {
    settings.emplace_back("smtpd_proxy_filter=127.0.0.1:10024");
    settings.emplace_back("smtpd_proxy_options=speed_adjust");
    return settings;
  }
  /// CONTENT in the script: the message follows, up to its dot.
  Task<> follow(std::unique_ptr<Stream> stream, std::string script) {
    Connection connection(stage.loop, std::move(stream), Duration(5000));
    auto content_at = script.find("CONTENT");
    wrong = co_await play(connection, script.substr(0, content_at));
    if (content_at != script.npos && wrong.empty()) {
      for (std::string line; line != ".";) {
        Line heard = co_await connection.line(1000);
        line = heard.text;
        content += line + "\n";
      }
      wrong = co_await play(connection, script.substr(content_at + 7));
    }
    connection.stream().shut_down();
  }
  bool logged(std::string_view part) const {
    auto lines = stage.log.lines();
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(part) != line.npos; });
  }

  Stage stage;
  std::string content;
  std::string wrong = "the filter was not asked";
  Nursery playing;
};

std::string client(std::string_view answer) {
  return R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RCPT TO:<carol@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Subject: hello
    C:
    C: ..dot
    C: .
    S: )" +
         std::string(answer) + "\nC: NOOP\nS: 250 2.0.0 Ok\n";
}

const char* const greeting = R"(
  C: 220 mail.example.com ESMTP filter
  S: EHLO mail.example.com
  C: 250-filter
  C: 250-XFORWARD NAME ADDR
  C: 250 8BITMIME
  S: XFORWARD NAME=client.example ADDR=198.51.100.9
  C: 250 ok
  S: MAIL FROM:<ann@client.example>
  C: 250 ok
  S: RCPT TO:<bob@example.com>
  C: 250 ok
  S: RCPT TO:<carol@example.com>
)";

}  // namespace

TEST_CASE("a message passes through smtpd_proxy_filter, whose answer is the client's") {
  Filtered filtered(std::string(greeting) + R"(
    C: 250 ok
    S: DATA
    C: 354 go on
    CONTENT
    C: 250 2.6.0 Ok, taken as 4711
    S: QUIT
  )");
  CHECK(filtered.stage.run(client("250 2.6.0 Ok, taken as 4711")) == "");
  CHECK(filtered.wrong == "");
  CHECK(filtered.content.starts_with("Received: from client.example (client.example"));
  CHECK(filtered.content.find("id QUEUEID;") != std::string::npos);
  CHECK(filtered.content.ends_with("\nSubject: hello\n\n..dot\n.\n"));
  CHECK(filtered.stage.backend.messages.empty());
  CHECK(filtered.stage.backend.connected == std::vector<std::string>{"127.0.0.1:10024"});
  CHECK(
      filtered.logged("proxy-accept: END-OF-MESSAGE from client.example[198.51.100.9]: "
                      "250 2.6.0 Ok, taken as 4711; from=<ann@client.example>"));
}

TEST_CASE("a filter that refuses one recipient gets no message, and its answer is the client's") {
  Filtered filtered(std::string(greeting) + R"(
    C: 550 5.7.1 not to carol
    S: RSET
    C: 250 ok
    S: QUIT
  )");
  CHECK(filtered.stage.run(client("550 5.7.1 not to carol")) == "");
  CHECK(filtered.wrong == "");
  CHECK(filtered.logged("proxy-reject: END-OF-MESSAGE"));
}

TEST_CASE("a filter that refuses the message is heard by the client") {
  Filtered filtered(std::string(greeting) + R"(
    C: 250 ok
    S: DATA
    C: 354 go on
    CONTENT
    C: 421 4.7.0 too much spam
  )");
  CHECK(filtered.stage.run(client("451 4.7.0 too much spam")) == "");
}

TEST_CASE("a filter that can't be reached or breaks off is a 451, and is warned of") {
  Filtered broken{std::string(greeting)};
  CHECK(broken.stage.run(client("451 4.3.0 Error: the content filter can't be used now")) == "");
  CHECK(broken.logged("warning: smtpd_proxy_filter 127.0.0.1:10024: lost connection while "));
  Stage alone({"smtpd_proxy_filter=127.0.0.1:10024", "smtpd_proxy_options=speed_adjust"});
  CHECK(alone.run(client("451 4.3.0 Error: the content filter can't be used now")) == "");
  CHECK(alone.backend.messages.empty());
}

TEST_CASE("what is done to a message in the queue is not done before the filter") {
  Filtered filtered(
      std::string(greeting) + R"(
    C: 250 ok
    S: DATA
    C: 354 go on
    CONTENT
    C: 250 ok
    S: QUIT
  )",
      {"header_checks=inline:{a=b}", "canonical_maps=inline:{a=b}", "always_bcc=eve@x.y"});
  filtered.stage.backend.judge = [](std::string_view, const CheckRecipient& about,
                                    CheckRecipient::Verdict& verdict) {
    if (about.recipient != "bob@example.com") return;
    verdict.hold = true;
    verdict.filter = "smtp:x";
    verdict.prepend = {"X-Seen: yes"};
  };
  CHECK(filtered.stage.run(client("250 ok")) == "");
  CHECK(filtered.content.ends_with("\nX-Seen: yes\nSubject: hello\n\n..dot\n.\n"));
  CHECK(filtered.stage.backend.checked_headers.empty());
  CHECK(filtered.stage.backend.canonicalized.empty());
  CHECK(filtered.logged("have no effect with smtpd_proxy_filter"));
}
