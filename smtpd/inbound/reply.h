// An SMTP reply: code, enhanced status code and text, and how they are sent.
//
// STANDARDS  RFC 5321 section 4.2, RFC 2034 (enhanced status codes)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::size_t reply_line_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5

class Reply {
 public:
  /// `status` is empty in replies that have none: greeting, EHLO, 354, 334. `text` may have several
  /// lines, separated by LF.
  Reply(int code, std::string_view status, std::string text)
      : code_(code), status_(status), text_(std::move(text)) {}
  /// The only place where an Error becomes a reply. An Error without status code gets x.0.0.
  Reply(const Error& error);  // NOLINT: so that CO_TRY answers

  /// For a handler that has sent its reply itself.
  static Reply already_sent() { return Reply(0, "", ""); }

  int code() const { return code_; }
  bool is_already_sent() const { return code_ == 0; }
  const std::string& status() const { return status_; }
  const std::string& text() const { return text_; }
  bool is_error() const { return code_ >= 400; }
  /// Whether the connection ends after this reply: 421, 221, or and_hang_up().
  bool ends_session() const { return code_ == 421 || code_ == 221 || ends_session_; }
  Reply&& and_hang_up() && {
    ends_session_ = true;
    return std::move(*this);
  }

  /// Whether it is what a restriction or access table has decided.
  bool is_of_policy() const { return is_of_policy_; }
  void mark_as_policy() { is_of_policy_ = true; }
  /// Sent that many times, once if 0: by LMTP each recipient has a reply (RFC 2033 section 4.2).
  Reply&& repeated(std::size_t times) && {
    times_ = times == 0 ? 1 : times;
    return std::move(*this);
  }

  /// For soft_bounce: 5xx 5.x.x becomes 4xx 4.x.x.
  void soften();
  /// Puts another text in place, as with what is added to it.
  void set_text(std::string text) { text_ = std::move(text); }
  /// For a client to which RFC 2034 is not offered.
  void drop_status() { status_.clear(); }

  /// The reply in one line, for the log: `554 5.7.1 <x@y>: Relay access denied`.
  std::string summary() const;
  /// Appends the reply as sent: each line with code, status and line end; long lines are wrapped.
  void append_to(std::string& wire) const;

 private:
  int code_;
  std::string status_;
  std::string text_;
  bool ends_session_ = false;
  bool is_of_policy_ = false;
  std::size_t times_ = 1;

  void append_once(std::string& wire) const;
};

}  // namespace pennypost::smtp
