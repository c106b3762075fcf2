// Counts a client's errors to decide when to delay answers and when to disconnect.
#pragma once

#include <cstdint>

#include "common/async/loop.h"

namespace pennypost {

/// How many commands a POP3 or IMAP client may send until it has logged in.
inline constexpr std::uint64_t commands_before_login_max = 100;

/// The limits of a dialogue, each from a setting.
struct ErrorLimits {
  std::uint64_t soft = 10;          // smtpd_soft_error_limit: beyond it answers are delayed
  std::uint64_t hard = 20;          // smtpd_hard_error_limit: the client is disconnected
  std::uint64_t junk = 100;         // smtpd_junk_command_limit: useless commands that are no errors
  Duration delay = Duration(1000);  // smtpd_error_sleep_time
};

class ErrorCount {
 public:
  explicit ErrorCount(ErrorLimits limits) : limits_(limits) {}

  /// The client did something wrong: an unknown command, a refused recipient.
  void note_error() { ++errors_; }
  /// A command that achieves nothing (NOOP, RSET, VRFY); beyond the limit each is an error.
  void note_junk() {
    if (++junk_ > limits_.junk) note_error();
  }
  /// The client has achieved something: forgets all errors.
  void clear() { errors_ = junk_ = 0; }

  /// The delay before the next answer; zero up to the soft limit.
  Duration delay() const { return errors_ > limits_.soft ? limits_.delay : Duration::zero(); }
  bool is_over() const { return errors_ >= limits_.hard; }
  std::uint64_t errors() const { return errors_; }

 private:
  ErrorLimits limits_;
  std::uint64_t errors_ = 0;
  std::uint64_t junk_ = 0;
};

}  // namespace pennypost
