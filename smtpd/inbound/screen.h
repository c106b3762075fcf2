// Tests a stranger before and at the beginning of its session, as Postfix's postscreen does in
// front of smtpd: whether it waits for its turn, what DNS lists say of it, and whether it keeps to
// the protocol.
//
// meet() runs what needs no dialogue, before a client has cost more than its connection. A client
// that fails a test is, by the test's action, let through (ignore), refused each recipient
// (enforce), or sent away at once (drop). Who passes all is remembered by the queue process for the
// times of the postscreen_..._ttl settings and not tested again, by no receive process.
//
// The tests after the greeting (pipelining, commands of other protocols, bare newlines) are made in
// the client's real session: unlike Postfix's it is not sent away to come again, but passes with
// its first RCPT. A client that is refused never gets as far as the policy: its MAIL and RCPT are
// answered here.
//
// STANDARDS  Postfix's POSTSCREEN_README, RFC 5321 section 4.3.1 (a client waits for the greeting)
// LIMITS     postscreen_greet_wait, postscreen_dnsbl_timeout, postscreen_command_count_limit
// SEE ALSO   screened.cpp (its place in a Session), ../policy/dnsbl_score.h, ../queue/fact_store.h
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/network_list.h"
#include "common/config/screen_settings.h"
#include "common/log/screen_lines.h"
#include "common/mail/address.h"
#include "common/net/connection.h"
#include "smtpd/inbound/reply.h"
#include "smtpd/policy/dnsbl_score.h"
#include "smtpd/policy/screen_messages.h"
#include "smtpd/queue/screen_messages.h"

namespace pennypost::smtp {

class Backend;
class ServiceContext;

enum class ScreenTest : std::uint8_t { Greet, Dnsbl, Pipelining, NonSmtp, BareNewline };
inline constexpr std::size_t screen_tests = 5;

/// The postscreen_... settings of a service, parsed.
struct ScreenRules {
  enum class Action { Ignore, Enforce, Drop };
  struct Test {
    bool is_enabled = false;
    Action action = Action::Ignore;
    std::chrono::seconds life{0};  ///< of having passed it; of Dnsbl: at most
  };

  explicit ScreenRules(const Settings& settings);

  std::array<Test, screen_tests> tests;
  Action denylist_action;
  bool asks_tables = false;  ///< postscreen_access_list has some
  NetworkList interfaces;
  std::vector<DnsblSite> sites;
};

class Screen {
 public:
  /// All that is given must outlive it. `peer` and `local`: the ends of the connection.
  Screen(const ServiceContext& context, Connection& connection, Endpoint peer, Endpoint local);

  /// Runs the tests before the greeting. Returns the reply with which the client is sent away, or
  /// nothing. Throws Disconnected if the client leaves meanwhile.
  Task<std::optional<Reply>> meet();

  /// Whether there is more to be done with this client after meet().
  bool is_watching() const { return refusal_ || is_testing_; }
  /// The client may talk, but all its recipients are refused.
  bool is_refusing() const { return refusal_.has_value(); }
  /// Whether PIPELINING is kept from the client, so that it is known who uses it all the same.
  bool hides_pipelining() const { return is_due(ScreenTest::Pipelining) || is_refusing(); }
  /// Whether a refused client gets no greeting: it has spoken already.
  bool is_greeted() const { return has_spoken_; }

  /// A line that the client ended with a bare newline, or a command with what stands behind it in
  /// the buffer. Returns the reply with which the client is sent away, or nothing.
  std::optional<Reply> hear_bare_newline(std::string_view line);
  std::optional<Reply> hear_command(std::string_view verb, std::string_view line, bool is_known,
                                    bool is_forbidden);
  /// The client has come to its first recipient: what it has not failed is passed. Returns whether
  /// it is a client like any other now.
  bool reach_recipient();

  /// The answers to a refused client.
  Reply mail(std::string_view arguments);
  Reply rcpt(std::string_view arguments, std::string_view protocol, std::string_view helo);
  Reply refuse_content(std::string_view verb);
  void reset() { sender_.reset(); }

  /// The connection is over.
  void note_hangup();
  void note_end();

 private:
  using Action = ScreenRules::Action;
  using TestSet = std::bitset<screen_tests>;
  static std::size_t at(ScreenTest test) { return static_cast<std::size_t>(test); }
  bool is_due(ScreenTest test) const { return due_[at(test)] && !settled_[at(test)]; }
  Action action(ScreenTest test) const { return rules_.tests[at(test)].action; }
  std::int64_t& passed_until(ScreenTest test);
  ScreenedPeer logged() const { return {client_text_, server_text_}; }
  Microseconds elapsed() const;

  Task<ScreenAccess::Answer> ask_access();
  Task<> recall();
  Task<std::optional<Reply>> test_early();
  Task<> listen();
  Task<> next_news();
  bool is_early_over() const;
  std::optional<Reply> judge_greet();
  Task<std::optional<Reply>> judge_lists();
  Task<std::string> name_of_list();
  bool is_good() const;
  void excuse_good();
  std::optional<Reply> act(Action action, Reply refusal);
  std::optional<Reply> fail_late(ScreenTest test, std::string_view drop_status,
                                 std::string_view drop_text);
  void pass(ScreenTest test, std::chrono::seconds life);
  void conclude();

  const ServiceContext& context_;
  const ScreenRules& rules_;
  Backend& backend_;
  Connection& connection_;
  Endpoint peer_;
  Endpoint local_;
  std::string client_text_;
  std::string server_text_;
  SteadyTime begun_;
  PassedTests passed_;
  bool is_new_ = true;
  TestSet due_;      // tests that this client must pass
  TestSet settled_;  // of these, the ones that have been passed or failed
  TestSet succeeded_;
  bool has_failed_ = false;
  bool is_testing_ = false;  // after the greeting
  bool has_spoken_ = false;  // before it
  bool is_lost_ = false;     // it has left before it
  bool has_met_ = false;
  Event news_;  // of what happens before it
  std::optional<DnsblInquiry> lists_;
  std::optional<Reply> refusal_;
  std::uint64_t commands_ = 0;
  std::optional<MailAddress> sender_;
  std::string stage_ = "CONNECT";
};

}  // namespace pennypost::smtp
