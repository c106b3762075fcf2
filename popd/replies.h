// Writes POP3's status lines, and counts the mistakes of a client until they are too many.
//
// STANDARDS  RFC 1939 section 3, RFC 2449 section 8 and RFC 3206 (codes such as [SYS/TEMP])
#pragma once

#include <cstdint>
#include <string_view>

#include "common/net/connection.h"

namespace pennypost::pop {

class Replies {
 public:
  /// `mistakes_max` is pop3_bad_commands_max.
  Replies(Connection& connection, std::uint64_t mistakes_max)
      : connection_(connection), mistakes_max_(mistakes_max) {}

  void ok(std::string_view text) { put("+OK ", text); }
  void err(std::string_view text) { put("-ERR ", text); }
  /// err() for a command that is wrong, whatever the mailbox holds.
  void mistake(std::string_view text) {
    ++mistakes_;
    err(text);
  }
  bool are_too_many_mistakes() const { return mistakes_ >= mistakes_max_; }

 private:
  void put(std::string_view status, std::string_view text) {
    connection_.put(status);
    connection_.put(text);
    connection_.put("\r\n");
  }

  Connection& connection_;
  std::uint64_t mistakes_max_;
  std::uint64_t mistakes_ = 0;
};

/// The whole line to a client that the end of the server leaves unserved.
inline constexpr std::string_view stop_line = "-ERR [SYS/TEMP] Server shutting down.\r\n";
/// And to one that has logged in, but whose mail can't be served now.
inline constexpr std::string_view unavailable_line =
    "-ERR [SYS/TEMP] Your mailbox can't be opened now.\r\n";

}  // namespace pennypost::pop
