// Servers that follow a script, and a Sender that speaks with them; for unit tests.
#pragma once

#include <doctest/doctest.h>
#include <algorithm>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/config/lmtp_settings.h"
#include "common/config/testing.h"
#include "common/dns/testing.h"
#include "common/sasl/server.h"
#include "common/session/starttls.h"
#include "common/tls/testing.h"
#include "smtpd/delivery/sender.h"

namespace pennypost::smtp {

/// Plays a server: `S: ` lines are sent, `C: ` lines expected, `TLS` begins TLS, `--` ends the
/// connection.
class ScriptedServers final : public Connector {
 public:
  /// `name`: in the certificate of all of them.
  explicit ScriptedServers(Loop& loop, const std::string& name = "localhost")
      : certificate(name, authority), loop_(loop), playing_(loop) {}

  /// Adds the script of the next connection; `refused` makes that connection fail.
  void add(std::string script) { scripts_.push_back(std::move(script)); }

  Task<Result<std::unique_ptr<Stream>>> connect(Target target) override {
    connected.push_back(target.text());
    REQUIRE_FALSE(scripts_.empty());
    std::string script = std::move(scripts_.front());
    scripts_.pop_front();
    if (script == "refused") co_return Error::temporary("Connection refused");
    auto [ours, theirs] = memory_streams(loop_);
    playing_.start(play(std::move(script), std::move(theirs)));
    co_return std::move(ours);
  }

  std::vector<std::string> connected;
  std::vector<std::string> mistakes;
  std::vector<std::string> failed_handshakes;
  std::string proof;  // replaces SCRAM's last challenge
  TestCertificate authority{"authority.example"};
  TestCertificate certificate;

 private:
  static constexpr Duration patience{2000};

  /// Plays the server's side of a SCRAM login with the password `secret`, up to the final answer.
  Task<> scram(Connection& client) {
    auto exchange = ServerExchange::make("SCRAM-SHA-256", {});
    auto auth = co_await client.line(1000);
    auto initial = base64_decode(words(auth.text).back());
    exchange->start(initial);
    auto step = exchange->keys_found(ScramKeys::derive(Secret("secret")));
    client.put("334 " + base64_encode(step.text) + "\r\n");
    auto response = co_await client.line(1000);
    auto end = exchange->respond(base64_decode(response.text).value_or(""));
    if (end.kind != SaslStep::Kind::Success) mistakes.push_back("SCRAM: " + end.text);
    std::string last = proof.empty() ? base64_encode(end.text) : proof;
    client.put("334 " + last + "\r\n");
    auto empty = co_await client.line(1000);
    if (!empty.text.empty()) mistakes.push_back("SCRAM's proof was answered");
  }
  Task<> play(std::string script, std::unique_ptr<Stream> stream) {
    Connection client(loop_, std::move(stream), patience);
    for (auto step : split(script, '\n')) {
      step = trim(step);
      if (step.empty()) continue;
      if (step == "--") co_return;
      if (step == "SCRAM") {
        co_await scram(client);
        continue;
      }
      if (step == "ANY LINE") {
        co_await client.line(1000);
        continue;
      }
      if (step == "TLS") {
        try {
          co_await start_tls(client, certificate.server(), patience);
        } catch (const Disconnected& why) {
          failed_handshakes.push_back(why.text());
          co_return;
        }
        continue;
      }
      if (step.starts_with("S: ")) {
        client.put(std::string(step.substr(3)) + "\r\n");
        co_await client.flush();
        continue;
      }
      std::string wanted(step.substr(std::min<std::size_t>(3, step.size())));
      std::string got = "(end)";
      try {
        auto line = co_await client.line(10'000);
        got = line.text;
      } catch (const Disconnected& why) {
        got = "(" + why.text() + ")";
      }
      if (got != wanted) mistakes.push_back("wanted " + wanted + ", got " + got);
      if (got != wanted) co_return;
    }
    // Stays open, as servers do, until the client hangs up.
    try {
      for (;;) co_await client.line(10'000);
    } catch (const Disconnected&) {
    }
  }
  Loop& loop_;
  std::deque<std::string> scripts_;
  Nursery playing_;
};

struct SenderFixture {
  explicit SenderFixture(std::vector<std::string> settings = {}, Protocol protocol = Protocol::Smtp,
                         const std::string& certificate_name = "localhost")
      : servers(loop, certificate_name) {
    dns.mx_record("example.org", 10, "a.example").mx_record("example.org", 20, "b.example");
    dns.address("a.example", "192.0.2.1").address("b.example", "192.0.2.2");
    settings.insert(settings.begin(), {"smtp_helo_name=me.example", "lmtp_lhlo_name=me.example",
                                       "smtp_tls_security_level=none"});
    config = config_for_test(settings);
    if (protocol == Protocol::Lmtp) config = lmtp_client_config(*config);
    ClientContexts tls;
    TlsContext::ClientSettings client;
    client.is_report_only = true;
    tls.opportunistic = tls.mandatory = *TlsContext::client(client);
    client.verify = true;
    client.ca_file = servers.authority.path();
    tls.verifying = *TlsContext::client(client);
    sender.emplace(loop, protocol, config, dns, servers, std::move(tls));
    attempt.route.transport = protocol == Protocol::Lmtp ? Transport::Lmtp : Transport::Smtp;
    attempt.route.next_hop = protocol == Protocol::Lmtp ? "unix:private/lmtp" : "example.org";
    attempt.envelope.sender = "s@me.example";
    message("Subject: x\n\nhello\n");
    recipient("r@example.org");
  }
  void message(std::string text) {
    attempt.body = std::move(text);
    attempt.envelope.body_bytes = attempt.body.size();
    attempt.envelope.body_line_ends =
        static_cast<std::uint64_t>(std::ranges::count(attempt.body, '\n'));
    Piece all;
    all.length = attempt.body.size();
    attempt.envelope.pieces = {all};
    attempt.envelope.is_8bit = !is_ascii(attempt.body);
  }
  void recipient(std::string address) {
    Recipient added;
    added.number = static_cast<std::uint32_t>(attempt.envelope.recipients.size());
    added.address = std::move(address);
    attempt.envelope.recipients.push_back(std::move(added));
  }
  /// `delivered 2.0.0 reason|retry 4.0.0 ...`
  std::string send() {
    auto answer =
        loop.run_until(is_probe ? sender->probe(attempt) : sender->send(attempt, Descriptor()));
    loop.run_until(settle());
    for (const auto& mistake : servers.mistakes) FAIL_CHECK(mistake);
    std::string text;
    last = answer.outcomes;
    for (const auto& outcome : answer.outcomes) {
      if (!text.empty()) text += "|";
      text += outcome.kind == OutcomeKind::Delivered ? "delivered "
              : outcome.kind == OutcomeKind::Bounce  ? "bounce "
                                                     : "retry ";
      text += outcome.status + " " + outcome.reason;
    }
    return text;
  }
  /// Until both sides have said all they have to say: in memory that takes turns of the loop alone.
  Task<> settle() {
    constexpr int turns = 200;
    for (int turn = 0; turn < turns; ++turn) co_await loop.turn_end();
  }
  void pass(Duration time) { loop.run_until(sleep(time)); }
  Task<> sleep(Duration time) { co_await loop.sleep(time); }

  Loop loop;
  TableResolver dns;
  ScriptedServers servers;
  std::shared_ptr<const Config> config;
  std::optional<Sender> sender;
  Attempt attempt;
  bool is_probe = false;
  std::vector<Outcome> last;
};

}  // namespace pennypost::smtp
