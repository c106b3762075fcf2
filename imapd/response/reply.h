// Holds the result of a command, OK, NO or BAD, and writes its tagged line.
//
// STANDARDS  RFC 9051 sections 7.1 (OK, NO, BAD) and 9 (text), RFC 5530 (response codes)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "imapd/response/strings.h"

namespace pennypost::imap {

class Reply {
 public:
  enum class Status { Ok, No, Bad };

  /// `text` may begin with a response code that goes with success: `[READ-WRITE] Select completed.`
  static Reply ok(std::string text) { return Reply(Status::Ok, std::move(text)); }
  static Reply no(ResponseCode code, std::string_view text);
  /// With a response code that only imapd has: `PRIVACYREQUIRED`.
  static Reply no(std::string_view code, std::string_view text);
  static Reply bad(std::string text) { return Reply(Status::Bad, std::move(text)); }
  /// 501 is the client's mistake: BAD. All else is NO; what may pass later bears [UNAVAILABLE]
  /// (RFC 5530) unless the Error has another code.
  Reply(const Error& error);  // NOLINT: CO_TRY returns Errors

  Status status() const { return status_; }
  const std::string& text() const { return text_; }
  /// What the log should hold of the failure, since the client is told less; empty: nothing.
  const std::string& log_text() const { return log_text_; }
  /// The same for a client that expects names of mailboxes in this form: where that is UTF-7, the
  /// text, which may hold such names, is no more than ASCII.
  Reply in_form(NameForm form) const;
  /// `a1 OK text` and CRLF.
  std::string line(std::string_view tag) const;

 private:
  Reply(Status status, std::string text) : status_(status), text_(std::move(text)) {}
  Status status_;
  std::string text_;
  std::string log_text_;
};

/// To a client that has logged in and whose mail can't be served now.
Reply mail_unavailable();

/// The Error of a mailbox that is not there, as COPY, MOVE and APPEND tell it: TryCreate in place
/// of NonExistent (RFC 9051 section 6.3.12).
Error with_try_create(const Error& error);

}  // namespace pennypost::imap
