// Assembles ManageSieve's commands from the bytes as they arrive: counts literals and keeps the
// limits.
//
// A command is a name and arguments: strings, in quotes or as literals, and numbers.
//
//   PUTSCRIPT "vacation" {31+}<CRLF>          the line ends in a literal's header, and its octets
//   keep; # thirty-one octets long <CRLF>     follow without being asked for
//   <CRLF>                                    -> Complete
//
// A command that exceeds a limit, or is malformed, is refused: what the client has already sent of
// it, its literals too, is skipped, then comes Refused with error(). Abandon says that more would
// have to be skipped than we are willing to read. A line may end in LF alone.
//
// LIMITS     those of CommandLimits; arguments_max, name_bytes_max, skipped_bytes_max
// STANDARDS  RFC 5804 section 4 (grammar), section 1.2 (literals)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::imap::managesieve {

inline constexpr std::size_t arguments_max = 4;
inline constexpr std::size_t name_bytes_max = 40;
inline constexpr std::uint64_t skipped_bytes_max = 64 << 20;
inline constexpr std::uint64_t number_max = 4'294'967'295;  // RFC 5804 section 4

struct CommandLimits {
  std::size_t line_bytes = 65'536;        // of all lines of a command, without its literals
  std::uint64_t literal_bytes = 1 << 20;  // of each of them
};

struct Argument {
  bool is_number = false;
  std::uint64_t number = 0;
  std::string text;
};

struct Command {
  std::string name;  // in upper case
  std::vector<Argument> arguments;
};

class CommandReader {
 public:
  enum class Event { NeedBytes, Complete, Refused, Abandon };

  explicit CommandReader(CommandLimits limits) : limits_(limits) {}

  /// Takes bytes off the front of `input` until a command has ended. It takes nothing more then,
  /// until reset().
  Event take(std::string_view& input);
  /// The command; after Refused as much of it as was understood.
  const Command& command() const { return command_; }
  /// After Refused: 501 for what is malformed or too long, 552 OverQuota for a literal too large.
  const Error& error() const { return *error_; }
  /// Makes ready for the next command, and gives back the memory of this one.
  void reset();
  /// A line that is only an argument is read, not a command: a response of SASL.
  void expect_response() { is_response_ = true; }

 private:
  enum class State { Line, Literal, Done };

  Event take_line(std::string_view& input);
  Event end_of_line();
  Result<void> parse(std::string_view line);
  Result<void> parse_name(std::string_view& line);
  Result<void> parse_quoted(std::string_view& line);
  Result<void> parse_number_at(std::string_view& line);
  Result<void> add(Argument argument);
  void begin_literal(std::uint64_t octets);
  Event finish(Event event);
  void refuse(Error why);

  CommandLimits limits_;
  Command command_;
  std::optional<Error> error_;
  State state_ = State::Line;
  Event outcome_ = Event::Complete;
  bool is_response_ = false;
  bool is_behind_literal_ = false;  // the line is
  std::string line_;                // of a line too long: its end
  std::size_t line_bytes_ = 0;
  std::uint64_t literal_left_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace pennypost::imap::managesieve
