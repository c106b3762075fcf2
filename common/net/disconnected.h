// Defines the exception for the end of a conversation: thrown only by common/net and common/tls,
// caught in a session's serve().
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace pennypost {

class Disconnected : public std::exception {
 public:
  enum class Reason { Eof, Error, Timeout, Tls, Shutdown };
  Disconnected(Reason reason, std::string text) : reason_(reason), text_(std::move(text)) {}

  Reason reason() const { return reason_; }
  /// For the log: `lost connection`, `timeout`, `Connection reset by peer`, or OpenSSL's text.
  const std::string& text() const { return text_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  Reason reason_;
  std::string text_;
};

}  // namespace pennypost
