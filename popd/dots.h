// Turns a message into POP3's multi-line form: a dot before each line that begins with one, a final
// dot; for TOP cut after the header and some lines of the body.
//
// The message has CRLF line ends, or LF alone as it is stored, which becomes CRLF; it may come in
// pieces of any size.
//
// STANDARDS  RFC 1939 section 3 (byte-stuffing), section 7 (TOP)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost::pop {

class DotStuffer {
 public:
  /// `body_lines`: how many lines of the body; nothing: all of them.
  explicit DotStuffer(std::optional<std::uint64_t> body_lines) : lines_left_(body_lines) {}

  /// Appends the next piece to `out`. False when TOP has all its lines.
  bool add(std::string_view bytes, std::string& out);
  /// Appends the final dot, and before it the line end that the message may lack.
  void finish(std::string& out);

 private:
  std::optional<std::uint64_t> lines_left_;
  bool in_body_ = false;
  bool at_line_start_ = true;
  bool is_empty_line_ = true;
  bool after_cr_ = false;
};

}  // namespace pennypost::pop
