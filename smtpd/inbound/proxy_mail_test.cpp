#include "smtpd/inbound/proxy_mail.h"

#include <algorithm>

#include "common/session/dialogue.h"
#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A session with a filter that follows a script: C: is what the filter says, S: what it hears;
/// CONTENT is the message, up to its dot.
struct Proxied {
  explicit Proxied(std::string script)
      : stage({"smtpd_proxy_filter=filter.example:10024", "smtpd_proxy_ehlo=proxy.example"}),
        playing(stage.loop) {
    stage.backend.play_filter = [this, script = std::move(script)] {
      auto [ours, theirs] = memory_streams(stage.loop);
      playing.start(follow(std::move(theirs), script));
      return std::move(ours);
    };
  }
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

const std::string begin = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
  C: MAIL FROM:<ann@client.example> SIZE=77 BODY=8BITMIME RET=HDRS
  S: 250 2.1.0 Ok
)";
const std::string filter_begins = R"(
  C: 220 filter ESMTP
  S: EHLO proxy.example
  C: 250-filter
  C: 250-XFORWARD ADDR
  C: 250-DSN
  C: 250-SIZE
  C: 250 8BITMIME
  S: XFORWARD ADDR=198.51.100.9
  C: 250 ok
  S: MAIL FROM:<ann@client.example> SIZE=77 BODY=8BITMIME RET=HDRS
)";
const char* const unusable = "451 4.3.0 Error: the content filter can't be used now\n";

}  // namespace

TEST_CASE("a filter answers MAIL, each recipient, DATA and the message in our place") {
  Proxied proxied(filter_begins + R"(
    C: 250 2.1.0 sender ok
    S: RCPT TO:<bob@example.com> NOTIFY=NEVER
    C: 250 2.1.5 bob is welcome
    S: RCPT TO:<carol@example.com>
    C: 550 5.7.1 not to carol
    S: DATA
    C: 354 go on
    CONTENT
    C: 250 2.6.0 taken as 4711
    S: QUIT
  )");
  CHECK(proxied.stage.run(begin + R"(
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: RCPT TO:<bob@example.com> NOTIFY=NEVER
    S: 250 2.1.5 bob is welcome
    C: RCPT TO:<carol@example.com>
    S: 550 5.7.1 not to carol
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Subject: hello
    C:
    C: ..dot
    C: .
    S: 250 2.6.0 taken as 4711
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(proxied.wrong == "");
  CHECK(proxied.content.starts_with("Received: from client.example (client.example"));
  CHECK(proxied.content.ends_with("\nSubject: hello\n\n..dot\n.\n"));
  CHECK(proxied.stage.backend.messages.empty());
  CHECK(proxied.stage.backend.connected == std::vector<std::string>{"filter.example:10024"});
  CHECK(
      proxied.logged("proxy-reject: RCPT from client.example[198.51.100.9]: 550 5.7.1 not to "
                     "carol; from=<ann@client.example> to=<carol@example.com>"));
  CHECK(proxied.logged("proxy-accept: END-OF-MESSAGE from "));
}

TEST_CASE("a filter that refuses the sender says so at the first recipient, and is asked anew") {
  Proxied proxied(filter_begins + R"(
    C: 553 5.1.8 no such sender
    S: QUIT
  )");
  CHECK(proxied.stage.run(begin + R"(
    C: RCPT TO:<bob@example.com>
    S: 553 5.1.8 no such sender
    C: RCPT TO:<bob@example.com>
    S: 553 5.1.8 no such sender
    C: DATA
    S: 554 5.5.1 Error: no valid recipients
  )") == "");
  CHECK(proxied.stage.backend.connected.size() == 2);
}

TEST_CASE("a filter that refuses DATA is heard at DATA, and one that closes is not our end") {
  Proxied proxied(filter_begins + R"(
    C: 250 ok
    S: RCPT TO:<bob@example.com>
    C: 250 ok
    S: DATA
    C: 421 4.7.0 too busy
  )");
  CHECK(proxied.stage.run(begin + R"(
    C: RCPT TO:<bob@example.com>
    S: 250 ok
    C: DATA
    S: 451 4.7.0 too busy
    C: NOOP
    S: 250 2.0.0 Ok
  )") == "");
  CHECK(proxied.logged("proxy-reject: DATA from "));
}

TEST_CASE("a filter that is lost once it has a recipient makes all that follows a 451") {
  Proxied proxied(filter_begins + R"(
    C: 250 ok
    S: RCPT TO:<bob@example.com>
    C: 250 ok
    S: RCPT TO:<carol@example.com>
  )");
  CHECK(proxied.stage.run(begin +
                          "C: RCPT TO:<bob@example.com>\nS: 250 ok\n"
                          "C: RCPT TO:<carol@example.com>\nS: " +
                          unusable + "C: RCPT TO:<carol@example.com>\nS: " + unusable +
                          "C: DATA\nS: " + unusable + "C: NOOP\nS: 250 2.0.0 Ok\n") == "");
  CHECK(proxied.stage.backend.connected.size() == 1);
  CHECK(
      proxied.logged("warning: smtpd_proxy_filter filter.example:10024: lost connection while "
                     "sending RCPT TO"));
  Stage alone({"smtpd_proxy_filter=127.0.0.1:10024"});
  CHECK(alone.run(begin + "C: RCPT TO:<bob@example.com>\nS: " + unusable) == "");
}

TEST_CASE(
    "what we refuse in the content never reaches the filter, which is told to forget the mail") {
  Proxied proxied(filter_begins + R"(
    C: 250 ok
    S: RCPT TO:<bob@example.com>
    C: 250 ok
    S: QUIT
  )");
  CHECK(proxied.stage.run(begin + R"(
    C: RCPT TO:<bob@example.com>
    S: 250 ok
    C: RSET
    S: 250 2.0.0 Ok
  )") == "");
  CHECK(proxied.wrong == "");
}

TEST_CASE("with BDAT the filter hears DATA once the message is whole") {
  Proxied proxied(filter_begins + R"(
    C: 250 ok
    S: RCPT TO:<bob@example.com>
    C: 250 ok
    S: DATA
    C: 354 go on
    CONTENT
    C: 250 taken
  )");
  CHECK(proxied.stage.run(begin + R"(
    C: RCPT TO:<bob@example.com>
    S: 250 ok
    C> BDAT 14 LAST\r\nSubject: x\r\n\r\n
    S: 250 taken
  )") == "");
  CHECK(proxied.wrong == "");
  CHECK(proxied.content.ends_with("\nSubject: x\n\n.\n"));
}
