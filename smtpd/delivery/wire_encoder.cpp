#include "smtpd/delivery/wire_encoder.h"

#include <algorithm>

namespace pennypost::smtp {

void WireEncoder::put_text(std::string_view text, std::string& out) {
  if (text.empty()) return;
  if (at_line_start_ && text.front() == '.') out += '.';
  at_line_start_ = false;
  while (line_bytes_max_ != 0 && line_bytes_ + text.size() > line_bytes_max_) {
    std::size_t room = line_bytes_max_ - std::min(line_bytes_, line_bytes_max_);
    out += text.substr(0, room);
    out += "\r\n ";
    line_bytes_ = 1;
    text.remove_prefix(room);
  }
  out += text;
  line_bytes_ += text.size();
}

void WireEncoder::put_stray_cr(std::string& out) {
  put_text(stray_cr_ == StrayCr::Replace ? " " : "\r", out);
}

/// Appends text within a line; a CR in it is not part of the line end.
void WireEncoder::put_line(std::string_view text, std::string& out) {
  for (auto cr = text.find('\r'); cr != text.npos; cr = text.find('\r')) {
    put_text(text.substr(0, cr), out);
    put_stray_cr(out);
    text.remove_prefix(cr + 1);
  }
  put_text(text, out);
}

void WireEncoder::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    auto end = piece.find('\n');
    std::string_view text = piece.substr(0, end);
    bool ends_line = end != piece.npos;
    piece.remove_prefix(ends_line ? end + 1 : piece.size());
    if (holds_cr_ && !text.empty()) put_stray_cr(out);
    if (!text.empty()) {
      holds_cr_ = text.back() == '\r';
      if (holds_cr_) text.remove_suffix(1);
      put_line(text, out);
    }
    if (!ends_line) continue;
    out += "\r\n";
    holds_cr_ = false;
    at_line_start_ = true;
    line_bytes_ = 0;
  }
}

void WireEncoder::finish(std::string& out) {
  if (!at_line_start_ || holds_cr_) out += "\r\n";
  out += ".\r\n";
}

}  // namespace pennypost::smtp
