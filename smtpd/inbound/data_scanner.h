// Scans the bytes of DATA or BDAT: finds the end of the message and converts its content to LF line
// ends.
//
// Pure: the input comes in pieces of any size, and the result does not depend on how it is cut.
// Lines end with CRLF; only CRLF.CRLF ends DATA, whatever the message contains. A dot that begins a
// line is removed (RFC 5321 section 4.5.2). If the message can't be accepted, fault() is set; from
// then on nothing is written, but the end is still found, so that the reply comes where the client
// expects it.
//
// STANDARDS  RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2, 4.5.3.1.6; RFC 3030 (BDAT)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/limit.h"

namespace pennypost::smtp {

class DataScanner {
 public:
  enum class Ends { WithDot, WithCount };  // DATA, BDAT
  /// smtpd_forbid_bare_newline. Refuse: a fault. Normalize: a bare LF is a line end, a bare CR a
  /// blank. Keep: a bare CR stays.
  enum class BareNewline { Refuse, Normalize, Keep };
  enum class Fault { None, BareLf, BareCr, LineTooLong, TooBig };

  struct Limits {
    Limit message_bytes_max;         // counted with CRLF (RFC 1870 section 5)
    std::size_t line_bytes_max = 0;  // without the line end
    BareNewline bare_newline = BareNewline::Refuse;
  };
  DataScanner(Ends ends, Limits limits) : ends_(ends), limits_(limits) {}

  /// Appends the content to `out`. Returns how many of `bytes` it consumed: all, unless CRLF.CRLF
  /// came.
  std::size_t scan(std::string_view bytes, std::string& out);
  /// For BDAT, at the end of the content. A last line without a line end gets one.
  void finish(std::string& out);

  /// CRLF.CRLF was seen.
  bool is_done() const { return state_ == State::Done; }
  Fault fault() const { return fault_; }
  bool has_8bit() const { return has_8bit_; }
  /// The size of the content, also after a fault; each line end counts as CRLF.
  std::uint64_t octets() const { return octets_; }
  std::uint64_t line_ends() const { return line_ends_; }

 private:
  // Where we are in a line. A dot means something only at the beginning of a line that follows a
  // CRLF or is the first (`can_end`).
  enum class State { LineStart, Dot, DotCr, Text, Cr, Done };
  std::size_t scan_lines(std::string_view bytes, std::string& out);
  std::size_t plain_lines(std::string_view bytes, std::string& out);
  std::size_t line(std::string_view bytes, std::string& out);
  void text(std::string_view bytes, std::string& out);
  void end_line(std::string& out);
  void end_crlf(std::string& out);
  void bare_cr(std::string& out);
  void bare_lf(std::string& out);
  void note(Fault fault);
  bool is_too_big(std::uint64_t octets) const;

  Ends ends_;
  Limits limits_;
  State state_ = State::LineStart;
  bool can_end_ = true;
  bool has_8bit_ = false;
  Fault fault_ = Fault::None;
  std::uint64_t octets_ = 0;
  std::uint64_t line_ends_ = 0;
  std::size_t line_bytes_ = 0;
};

/// Parses smtpd_forbid_bare_newline: `reject`, `yes`, `normalize`, `no`.
DataScanner::BareNewline parse_bare_newline(std::string_view text);

}  // namespace pennypost::smtp
