#include "smtpd/pickup/posted_lines.h"

namespace pennypost::smtp {

std::string_view PostedLines::clean(std::string_view piece) {
  bool is_plain = !holds_cr_ && piece.find('\r') == piece.npos;
  if (is_off_ || is_plain || piece.empty()) return piece;
  cleaned_.clear();
  if (holds_cr_ && piece.front() != '\n') cleaned_ += ' ';
  holds_cr_ = false;
  for (auto cr = piece.find('\r'); cr != piece.npos; cr = piece.find('\r')) {
    cleaned_ += piece.substr(0, cr);
    piece.remove_prefix(cr + 1);
    holds_cr_ = piece.empty();
    if (!piece.empty() && piece.front() != '\n') cleaned_ += ' ';
  }
  cleaned_ += piece;
  return cleaned_;
}

std::string_view PostedLines::finish() {
  bool was_held = holds_cr_;
  holds_cr_ = false;
  return was_held ? " " : "";
}

}  // namespace pennypost::smtp
