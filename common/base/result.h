// Defines Result: a value, or an Error that says why there is none.
//
// An Error's code is an SMTP reply code (RFC 5321 section 4.2.1) in all of Pennypost: 4xx is
// temporary, 5xx permanent. A lost connection is not an Error but the exception Disconnected
// (common/net); a bug is an ASSERT. Absence is a value: Result<std::optional<T>>.
//
//   TRY(auto sender, MailAddress::parse(text));        // else: return the Error
//   TRY_DO(file.sync());                               // for Result<void>
//   CO_TRY(auto box, co_await store.open(name));       // the same in coroutines; else co_return
//
// The members have the names of std::expected's, so that a later standard can replace this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/base/assert.h"
#include "common/base/enhanced_status.h"

namespace pennypost {

/// The kinds of failure for which IMAP has a response code (RFC 9051 section 7.1; RFC 9208 section
/// 4.3.1 for OverQuota).
enum class ResponseCode : std::uint8_t {
  None,
  AlreadyExists,
  Cannot,
  Corruption,
  Expunged,
  InUse,
  Limit,
  NonExistent,
  NoPerm,
  OverQuota,
  TryCreate,
  Unavailable,
};

/// Why there is no value: a reply code, optional codes for SMTP and IMAP, and a text. Error(501,
/// "5.5.4", "Syntax: MAIL FROM:<address>").
class Error {
 public:
  Error(int code, std::string text) : code_(code), text_(std::move(text)) {}
  Error(int code, EnhancedStatus status, std::string text)
      : code_(code), status_(status), text_(std::move(text)) {}
  Error(int code, ResponseCode response_code, std::string text)
      : code_(code), response_code_(response_code), text_(std::move(text)) {}
  Error(int code, std::optional<EnhancedStatus> status, ResponseCode response_code,
        std::string text)
      : code_(code), status_(status), response_code_(response_code), text_(std::move(text)) {}

  /// For a temporary condition: 451.
  static Error temporary(std::string text) { return Error(451, std::move(text)); }
  static Error temporary(EnhancedStatus status, std::string text) {
    return Error(451, status, std::move(text));
  }
  /// For a permanent condition: 550.
  static Error permanent(std::string text) { return Error(550, std::move(text)); }
  static Error permanent(EnhancedStatus status, std::string text) {
    return Error(550, status, std::move(text));
  }

  int code() const { return code_; }
  bool is_temporary() const { return code_ < 500; }
  /// The enhanced status code, if one was given.
  std::optional<EnhancedStatus> status() const { return status_; }
  ResponseCode response_code() const { return response_code_; }

  /// For the log and the admin: may name files of this host. Without codes.
  const std::string& text() const { return text_; }
  /// `5.5.4 Bad parameter`, for people; text() alone if there is no status code.
  std::string text_with_status() const { return status_ ? status_->text() + " " + text_ : text_; }
  /// The same Error with a separate text for the client, if text() must not be shown to it.
  Error told(std::string client_text) const {
    Error error = *this;
    error.client_text_ = std::move(client_text);
    return error;
  }
  /// For the client: the text given to told(), else text().
  const std::string& client_text() const { return client_text_.empty() ? text_ : client_text_; }

 private:
  int code_;
  std::optional<EnhancedStatus> status_;
  ResponseCode response_code_ = ResponseCode::None;
  std::string text_;
  std::string client_text_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: as in std::expected
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: as in std::expected

  explicit operator bool() const { return state_.index() == 0; }
  bool has_value() const { return state_.index() == 0; }
  const Error& error() const& { return *checked(std::get_if<1>(&state_)); }
  Error&& error() && { return std::move(*checked(std::get_if<1>(&state_))); }
  T& operator*() & { return *checked(std::get_if<0>(&state_)); }
  const T& operator*() const& { return *checked(std::get_if<0>(&state_)); }
  T&& operator*() && { return std::move(*checked(std::get_if<0>(&state_))); }
  T* operator->() { return checked(std::get_if<0>(&state_)); }
  const T* operator->() const { return checked(std::get_if<0>(&state_)); }

 private:
  template <class P>
  static P* checked(P* pointer) {
    ASSERT(pointer != nullptr);
    return pointer;
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error)
      : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: as in std::expected

  explicit operator bool() const { return error_.index() == 0; }
  bool has_value() const { return error_.index() == 0; }
  const Error& error() const& { return std::get<1>(error_); }
  Error&& error() && { return std::get<1>(std::move(error_)); }

 private:
  std::variant<std::monostate, Error> error_;
};

}  // namespace pennypost

#define PENNYPOST_JOIN_(a, b) a##b
#define PENNYPOST_JOIN(a, b) PENNYPOST_JOIN_(a, b)
#define PENNYPOST_TRY_(name, back, decl, ...)                  \
  auto name = __VA_ARGS__;                                     \
  if (!name) back ::pennypost::Error(std::move(name).error()); \
  decl = *std::move(name)
#define PENNYPOST_TRY_DO_(name, back, ...) \
  auto name = __VA_ARGS__;                 \
  if (!name) back ::pennypost::Error(std::move(name).error())

#define TRY(decl, ...) PENNYPOST_TRY_(PENNYPOST_JOIN(try_, __LINE__), return, decl, __VA_ARGS__)
#define TRY_DO(...) PENNYPOST_TRY_DO_(PENNYPOST_JOIN(try_, __LINE__), return, __VA_ARGS__)
#define CO_TRY(decl, ...) \
  PENNYPOST_TRY_(PENNYPOST_JOIN(try_, __LINE__), co_return, decl, __VA_ARGS__)
#define CO_TRY_DO(...) PENNYPOST_TRY_DO_(PENNYPOST_JOIN(try_, __LINE__), co_return, __VA_ARGS__)
