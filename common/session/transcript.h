// Keeps the lines of a dialogue, so that postmaster can be shown what led to an error.
//
//    Out: 220 mail.example.org ESMTP
//    In:  EHLO client.example
//
// LIMITS  transcript_bytes_max, of which the newest half is kept; transcript_line_bytes_max
// SEE ALSO  ../config/notify_classes.h (which errors)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost {

inline constexpr std::size_t transcript_bytes_max = 16 * 1024;
inline constexpr std::size_t transcript_line_bytes_max = 512;

class Transcript {
 public:
  /// A line of the other side, without its line end.
  void heard(std::string_view line) { add("In:  ", line); }
  /// What we said: one line, or several that each end with CRLF.
  void said(std::string_view lines);

  /// The lines for people: each begins with a blank, in ASCII, folded at 78 columns. The first says
  /// how many lines are left out, if any are.
  std::string text() const;

 private:
  void add(std::string_view who, std::string_view line);

  std::string lines_;      // each ends with LF
  std::size_t count_ = 0;  // of all lines, also of those that are left out
};

}  // namespace pennypost
