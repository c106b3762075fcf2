// Builds one log line: its text, and which parts of that are fields in a log of JSON.
//
// For the files that build log lines alone; all other code calls their typed functions.
//
// LIMITS     24 fields in a line; log_field_bytes_max of a field
// SEE ALSO   log.h, screen_lines.h, tls_log.h (which lines there are), line_form.h (their two
// forms)
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/log/line_form.h"
#include "common/log/sink.h"

namespace pennypost {

inline constexpr std::size_t log_field_bytes_max = 500;

/// One field: printable, and short enough for several in a line.
inline std::string log_field(std::string_view text) { return printable(text, log_field_bytes_max); }

/// A line while it is made. What is added is printable already, or passed through log_field() here.
class LineDraft {
 public:
  LineDraft() = default;
  /// Begins with `4Zk2Qn1: `, or `NOQUEUE: `.
  explicit LineDraft(std::string_view queue_id) {
    text_ = queue_id.empty() ? "NOQUEUE: " : log_field(queue_id) + ": ";
  }

  LineDraft& words(std::string_view text) {
    text_ += text;
    return *this;
  }
  /// A field without its name in the text.
  LineDraft& value(std::string_view name, std::string_view text, bool is_number = false) {
    ASSERT(count_ < parts_.size());
    parts_[count_++] = LogPart{name, text_.size(), text.size(), is_number};
    text_ += text;
    return *this;
  }
  /// `name=value` behind `before`.
  LineDraft& key(std::string_view before, std::string_view name, std::string_view text) {
    return words(before).words(name).words("=").value(name, log_field(text));
  }
  /// `name=<value>` behind `before`.
  LineDraft& bracketed(std::string_view before, std::string_view name, std::string_view text) {
    return words(before).words(name).words("=<").value(name, log_field(text)).words(">");
  }
  LineDraft& number(std::string_view before, std::string_view name, std::string_view digits) {
    return words(before).words(name).words("=").value(name, digits, true);
  }
  LineDraft& number(std::string_view before, std::string_view name, std::uint64_t count) {
    return number(before, name, std::to_string(count));
  }
  /// ` (text)`, or what else stands around it.
  LineDraft& reason(std::string_view before, std::string_view text, std::string_view after) {
    return words(before).value("reason", printable(text)).words(after);
  }

  bool ends_with(char c) const { return text_.ends_with(c); }
  void pop_back() { text_.pop_back(); }

  void write(std::string_view component, Severity severity = Severity::Info,
             int process = 0) const {
    log_sink().write_fields(severity, component, text_, process, LogParts(parts_.data(), count_));
  }

 private:
  static constexpr std::size_t parts_max = 24;
  std::string text_;
  std::array<LogPart, parts_max> parts_;
  std::size_t count_ = 0;
};

}  // namespace pennypost
