#include "popd/dots.h"

namespace pennypost::pop {

bool DotStuffer::add(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (in_body_ && lines_left_ == 0 && at_line_start_) return false;
    auto end = bytes.find('\n');
    bool is_whole = end != std::string_view::npos;
    auto piece = bytes.substr(0, is_whole ? end + 1 : bytes.size());
    if (at_line_start_) {
      if (piece.front() == '.') out += '.';
      is_empty_line_ = true;
    }
    // A line of CRLF alone is empty, also when it comes in two pieces.
    auto text = piece;
    if (is_whole) text.remove_suffix(1);
    if (text != "\r" && !text.empty()) is_empty_line_ = false;
    out += piece;
    at_line_start_ = is_whole;
    bytes.remove_prefix(piece.size());
    if (!is_whole) break;
    if (in_body_) {
      if (lines_left_) --*lines_left_;
    } else if (is_empty_line_) {
      in_body_ = true;
    }
  }
  return true;
}

void DotStuffer::finish(std::string& out) {
  if (!at_line_start_) out += "\r\n";
  out += ".\r\n";
}

}  // namespace pennypost::pop
