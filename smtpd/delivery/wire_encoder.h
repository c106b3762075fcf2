// Encodes a message with LF line ends for DATA: CRLF, dots doubled, long lines folded.
//
// A line of more than `line_bytes_max` bytes is broken by CRLF and a blank, as Postfix does
// (smtp_line_length_limit), so that no server truncates it; 0: never. A message without a final
// line end gets one.
//
// A bare CR becomes a blank (cleanup_replace_stray_cr_lf). The queue has bare CRs only in messages
// that arrived while that was off. It is checked again here, since with a server that takes a CR
// for a line end, a sender could end the message where he likes (SMTP smuggling).
//
// STANDARDS  RFC 5321 sections 4.5.2 (dots), 4.5.3.1.6 (998 octets a line)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost::smtp {

class WireEncoder {
 public:
  enum class StrayCr { Replace, Keep };
  /// 0: lines are never broken. A continuation begins with a blank, so 1 counts as 2.
  explicit WireEncoder(std::size_t line_bytes_max, StrayCr stray_cr = StrayCr::Replace)
      : line_bytes_max_(line_bytes_max == 1 ? 2 : line_bytes_max), stray_cr_(stray_cr) {}

  /// Appends to `out`. Pieces may end anywhere. A CR before LF is part of the line end.
  void feed(std::string_view piece, std::string& out);
  /// Appends the end of the last line, and the dot that ends the message.
  void finish(std::string& out);

 private:
  void put_line(std::string_view text, std::string& out);
  void put_text(std::string_view text, std::string& out);
  void put_stray_cr(std::string& out);
  std::size_t line_bytes_max_;
  StrayCr stray_cr_;
  std::size_t line_bytes_ = 0;  // in the unfinished line at the end of `out`
  bool at_line_start_ = true;
  bool holds_cr_ = false;
};

}  // namespace pennypost::smtp
