// Reads a client's commands and writes the answers: what the dialogues before and after login have
// in common.
//
// A conversation assembles commands from the bytes that arrive, gathers the lines that go out,
// counts both, and hangs up on a client that sends too much nonsense. What the commands mean is
// their handlers' business.
//
// SEE ALSO   ../grammar/assembler.h (the events), context.h (after login), login_context.h (before)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/session/error_limits.h"
#include "imapd/grammar/assembler.h"
#include "imapd/response/reply.h"

namespace pennypost::imap {

/// RFC 9051 section 4.3: the client may send the literal.
inline constexpr std::string_view literal_prompt = "+ OK\r\n";

class Conversation {
 public:
  using Event = CommandAssembler::Event;

  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  virtual ~Conversation() = default;

  /// What CAPABILITY says about logging in, ` STARTTLS LOGINDISABLED` or ` AUTH=PLAIN`; nothing
  /// once the client has logged in.
  virtual std::optional<std::string> login_capabilities() const = 0;
  /// What the account's store can do beyond others, ` OBJECTID`; "" before login.
  virtual std::string store_capabilities() const { return ""; }
  /// Whether mailboxes can be shared (RFC 4314); no before login.
  virtual bool offers_acl() const { return false; }
  /// Whether an admin has logged in, who may set quotas (RFC 9208).
  virtual bool sets_quota() const { return false; }
  /// What is not announced to this user, whatever the settings say; by commas. "" before login.
  virtual std::string_view hidden_capabilities() const { return ""; }

  Connection& connection() const { return connection_; }
  Loop& loop() const { return connection_.loop(); }
  const Settings& settings() const { return settings_; }
  const Limits& limits() const { return limits_; }
  CommandAssembler& assembler() { return assembler_; }

  /// Waits for the next thing to be done about the command that is arriving: never NeedBytes.
  Task<Event> next_step();
  /// The same, and never Continue: it asks the client for the literal. For whoever may write now.
  Task<Event> next_event();
  /// Takes bytes of a literal that the caller reads from the connection itself.
  void consume(std::size_t bytes);
  /// One line that is no command (DONE); nothing if it is longer than `bytes_max`.
  Task<std::optional<std::string>> line(std::size_t bytes_max);

  /// Gathers a line or more for the client.
  void put(std::string_view text);
  /// Sends what is gathered, if that is much: less waits for the end of what the client has
  /// pipelined.
  Task<> send_if_much();
  /// Sends at once, without copying; for bulk.
  Task<> write(std::string_view text);
  /// Sends an answer that may be long; other sessions have their turn meanwhile.
  Task<> send(std::string_view text);

  /// Puts the tagged line. Too many BADs end the conversation.
  void answer(const Reply& reply, std::string_view tag);
  /// The client has got something done: the BADs before are forgiven.
  void forgive() { errors_.clear(); }

  /// Ends the conversation behind what is put already. `reason` is for the log, and outlives it.
  void end(std::string_view reason);
  /// Ends it with `* BYE text`.
  void abandon(std::string_view text, std::string_view reason = "Too many errors");
  bool is_ended() const { return is_ended_; }
  std::string_view end_reason() const { return end_reason_; }

  /// The client waits for no answer: BYE may be said out of turn.
  bool is_quiet() const { return is_quiet_; }
  /// A task waits for what the client sends: no other may.
  bool is_reading() const { return is_reading_; }
  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }

 protected:
  /// All four outlive it. `bad_commands_max` BAD answers end the conversation.
  Conversation(Connection& connection, const Settings& settings, const Limits& limits,
               std::uint64_t bad_commands_max);

 private:
  Connection& connection_;
  const Settings& settings_;
  const Limits& limits_;
  CommandAssembler assembler_;
  ErrorCount errors_;
  bool is_quiet_ = false;
  bool is_reading_ = false;
  bool is_ended_ = false;
  std::string_view end_reason_ = "Connection closed";
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace pennypost::imap
