// Represents the enhanced status code of a reply or a delivery: class, subject and detail, as in
// 5.1.1.
//
// Codes that the program itself chooses are written as text and checked by the compiler:
// Error(501, "5.5.4", "Bad parameter"). Codes that others wrote go through parse() or take().
//
// STANDARDS  RFC 3463, RFC 2034 (in replies)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/text.h"

namespace pennypost {

struct EnhancedStatus {
  std::uint16_t status_class = 5;  // 2 success, 4 temporary, 5 permanent
  std::uint16_t subject = 0;       // 0 to 999
  std::uint16_t detail = 0;        // 0 to 999

  constexpr EnhancedStatus() = default;
  constexpr EnhancedStatus(int class_number, int subject_number, int detail_number)
      : status_class(static_cast<std::uint16_t>(class_number)),
        subject(static_cast<std::uint16_t>(subject_number)),
        detail(static_cast<std::uint16_t>(detail_number)) {}
  /// From a literal such as "5.1.1"; a malformed one does not compile.
  template <std::size_t Size>
  consteval EnhancedStatus(const char (&literal)[Size])  // NOLINT: implicit, as in Error(501, ...)
      : EnhancedStatus(*parse(std::string_view(literal, Size - 1))) {}

  /// Parses the whole of `text`; nothing if it is not a status code.
  static constexpr std::optional<EnhancedStatus> parse(std::string_view text);
  /// Removes a code from the front of a reply's text, with the blanks after it.
  static constexpr std::optional<EnhancedStatus> take(std::string_view& text);
  /// The code for an SMTP reply that has none: 2.0.0 for 250, 4.0.0 for 4xx, 5.0.0 for 5xx.
  static constexpr EnhancedStatus of_reply(int code) {
    return {code < 400 ? 2 : code < 500 ? 4 : 5, 0, 0};
  }

  std::string text() const {
    return std::to_string(status_class) + "." + std::to_string(subject) + "." +
           std::to_string(detail);
  }
  friend constexpr bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;

 private:
  /// A number of one to three digits without leading zeros.
  static constexpr std::optional<int> take_number(std::string_view& text) {
    std::size_t digits = 0;
    int value = 0;
    while (digits < text.size() && is_digit(text[digits])) {
      if (digits == 3) return {};
      value = value * 10 + (text[digits++] - '0');
    }
    if (digits == 0 || (digits > 1 && text.front() == '0')) return {};
    text.remove_prefix(digits);
    return value;
  }
  static constexpr bool take_dot(std::string_view& text) {
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
    return true;
  }
};

constexpr std::optional<EnhancedStatus> EnhancedStatus::take(std::string_view& text) {
  auto rest = text;
  auto status_class = take_number(rest);
  if (!status_class || (*status_class != 2 && *status_class != 4 && *status_class != 5)) return {};
  if (!take_dot(rest)) return {};
  auto subject = take_number(rest);
  if (!subject || !take_dot(rest)) return {};
  auto detail = take_number(rest);
  if (!detail || (!rest.empty() && !is_space(rest.front()))) return {};
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  text = rest;
  return EnhancedStatus{*status_class, *subject, *detail};
}

constexpr std::optional<EnhancedStatus> EnhancedStatus::parse(std::string_view text) {
  auto status = take(text);
  if (!status || !text.empty()) return {};
  return status;
}

}  // namespace pennypost
