// An SMTP reply: its code, its enhanced status code and its text, and the lines that they make.
//
// STANDARDS  RFC 5321 section 4.2, RFC 2034 (enhanced status codes)
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::size_t reply_line_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5

class Reply {
 public:
  /// `status` is empty where the RFCs want none: greeting, EHLO, 354, 334. `text` may have several
  /// lines, parted by LF.
  Reply(int code, std::string_view status, std::string text)
      : code_(code), status_(status), text_(std::move(text)) {}
  /// The one place where an Error becomes a reply; x.0.0 stands for a missing status code.
  Reply(const Error& error);  // NOLINT: so that CO_TRY answers

  /// The handler has answered by itself: nothing is sent.
  static Reply already_sent() { return Reply(0, "", ""); }

  int code() const { return code_; }
  bool is_already_sent() const { return code_ == 0; }
  const std::string& status() const { return status_; }
  const std::string& text() const { return text_; }
  bool is_error() const { return code_ >= 400; }
  /// The connection ends after it: 421, 221, or because it was asked for.
  bool ends_session() const { return code_ == 421 || code_ == 221 || ends_session_; }
  Reply&& and_hang_up() && {
    ends_session_ = true;
    return std::move(*this);
  }

  /// soft_bounce: 5xx 5.x.x becomes 4xx 4.x.x.
  void soften();
  /// RFC 2034 was not offered: the text alone.
  void drop_status() { status_.clear(); }

  /// In one line, as the log has it: `554 5.7.1 <x@y>: Relay access denied`.
  std::string summary() const;
  /// With line ends, every line with code and status; longer lines are wrapped.
  void append_to(std::string& wire) const;

 private:
  int code_;
  std::string status_;
  std::string text_;
  bool ends_session_ = false;
};

}  // namespace pennypost::smtp
