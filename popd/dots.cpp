#include "popd/dots.h"

namespace pennypost::pop {

bool DotStuffer::add(std::string_view bytes, std::string& out) {
  out.reserve(out.size() + bytes.size() + bytes.size() / 32 + 8);
  while (!bytes.empty()) {
    if (in_body_ && lines_left_ == 0 && at_line_start_) return false;
    if (at_line_start_ && bytes.front() == '.') out += '.';
    auto end = bytes.find('\n');
    bool is_whole = end != std::string_view::npos;
    auto line = bytes.substr(0, end);
    bytes.remove_prefix(is_whole ? end + 1 : bytes.size());
    // A line of CRLF alone is empty, also when it comes in two pieces.
    is_empty_line_ = (at_line_start_ || is_empty_line_) && (line.empty() || line == "\r");
    if (!line.empty()) after_cr_ = line.back() == '\r';
    out += line;
    at_line_start_ = is_whole;
    if (!is_whole) break;
    out += after_cr_ ? "\n" : "\r\n";
    after_cr_ = false;
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
