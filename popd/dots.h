// Pieces of a message with CRLF line ends in, POP3's multi-line form out: dots doubled at line
// starts, optionally cut after the header and some lines of the body.
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
  /// `body_lines`: how many lines behind the empty line that ends the header; nothing: all.
  explicit DotStuffer(std::optional<std::uint64_t> body_lines) : lines_left_(body_lines) {}

  /// Adds to `out` what `bytes` becomes. False when nothing more is wanted (TOP has its lines).
  bool add(std::string_view bytes, std::string& out);
  /// The line end that the message may lack, and the final dot.
  void finish(std::string& out);

 private:
  std::optional<std::uint64_t> lines_left_;
  bool in_body_ = false;
  bool at_line_start_ = true;
  bool is_empty_line_ = true;
};

}  // namespace pennypost::pop
