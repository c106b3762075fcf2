// Reads ManageSieve's commands from a connection and counts the mistakes of a client: what the
// dialogues before and after login have in common.
//
// SEE ALSO   command_reader.h (the grammar), login_session.h, session.h
#pragma once

#include <string>
#include <string_view>

#include "common/async/task.h"
#include "common/net/connection.h"
#include "imapd/managesieve/command_reader.h"
#include "imapd/managesieve/reply.h"

namespace pennypost::imap::managesieve {

/// Mistakes in a row: a client that makes more is disconnected.
inline constexpr std::uint64_t mistakes_max = 10;

class Dialogue {
 public:
  using Event = CommandReader::Event;

  Dialogue(Connection& connection, CommandLimits limits)
      : connection_(connection), reader_(limits) {}

  /// Waits for the next command; never NeedBytes. command() and error() hold until the next call.
  Task<Event> next(bool is_response = false);
  const Command& command() const { return reader_.command(); }
  const Error& error() const { return reader_.error(); }

  void put(std::string_view text);
  /// A mistake is what is no command, or has wrong arguments; what works forgives those before.
  void answer(const Reply& reply);
  void answer_mistake(std::string_view text);

  /// Says BYE and ends the dialogue. `reason` is for the log, and outlives it.
  void abandon(std::string_view text, std::string_view reason);
  /// Ends it behind what is put already.
  void end(std::string_view reason);
  bool is_ended() const { return is_ended_; }
  std::string_view end_reason() const { return end_reason_; }

  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }

 private:
  Connection& connection_;
  CommandReader reader_;
  std::uint64_t mistakes_ = 0;
  bool is_ended_ = false;
  std::string_view end_reason_ = "Connection closed";
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

/// What arguments a command takes: `s` a string, `n` a number; those behind `?` may be missing.
/// Nothing if they are right, else what to write.
std::string argument_problem(const Command& command, std::string_view shape);

/// The command as a watcher may see it: no script, nothing long.
std::string shown(const Command& command);

}  // namespace pennypost::imap::managesieve
