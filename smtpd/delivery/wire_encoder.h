// Encodes a message with LF line ends for DATA: CRLF, dots doubled, long lines folded.
//
// A line of more than `line_bytes_max` bytes is broken by CRLF and a blank, as Postfix does
// (smtp_line_length_limit), so that no server cuts it unseen; 0: never. A message that does not end
// in a line end gets one.
//
// A CR that stands alone becomes a blank (cleanup_replace_stray_cr_lf). The queue holds none but of
// messages that came while that was off; here it is looked at again, since a server that takes a
// CR for a line's end would let the message end where its sender likes (SMTP smuggling).
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
  /// 0: lines are never broken. A line that goes on begins with a blank, so 1 counts as 2.
  explicit WireEncoder(std::size_t line_bytes_max, StrayCr stray_cr = StrayCr::Replace)
      : line_bytes_max_(line_bytes_max == 1 ? 2 : line_bytes_max), stray_cr_(stray_cr) {}

  /// Appends to `out`. Pieces may end anywhere. A CR before LF counts as part of the line's end.
  void feed(std::string_view piece, std::string& out);
  /// Appends the end of the last line, and the dot that ends the message.
  void finish(std::string& out);

 private:
  void put_line(std::string_view text, std::string& out);
  void put_text(std::string_view text, std::string& out);
  void put_stray_cr(std::string& out);
  std::size_t line_bytes_max_;
  StrayCr stray_cr_;
  std::size_t line_bytes_ = 0;  // of the line that `out` ends in
  bool at_line_start_ = true;
  bool holds_cr_ = false;
};

}  // namespace pennypost::smtp
