#include "common/session/transcript.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t columns_max = 78;
constexpr std::string_view indent = "    ";
constexpr std::size_t short_dialogue_bytes = 1024;  // of one message; so that it need not grow
constexpr std::size_t who_bytes = 5;                // `In:  `, behind which no line is folded

/// Appends a line, folded at blanks; what has none is cut.
void append_folded(std::string_view line, std::string& out) {
  for (bool is_first = true;; is_first = false) {
    std::size_t room = columns_max - (is_first ? 0 : indent.size());
    out += ' ';
    if (!is_first) out += indent;
    if (line.size() <= room) break;
    auto end = line.rfind(' ', room);
    bool is_cut = end == line.npos || end < (is_first ? who_bytes : 1);
    if (is_cut) end = room;
    out.append(line.substr(0, end)) += '\n';
    line.remove_prefix(is_cut ? end : end + 1);
  }
  out.append(line) += '\n';
}

}  // namespace

void Transcript::said(std::string_view lines) {
  while (!lines.empty()) {
    auto end = lines.find("\r\n");
    add("Out: ", lines.substr(0, end));
    if (end == lines.npos) break;
    lines.remove_prefix(end + 2);
  }
}

void Transcript::add(std::string_view who, std::string_view line) {
  if (lines_.empty()) lines_.reserve(short_dialogue_bytes);
  lines_.append(who).append(line.substr(0, transcript_line_bytes_max)) += '\n';
  ++count_;
  if (lines_.size() <= transcript_bytes_max) return;
  lines_.erase(0, lines_.find('\n', lines_.size() - transcript_bytes_max / 2) + 1);
}

std::string Transcript::text() const {
  std::string out;
  auto forgotten = count_ - static_cast<std::size_t>(std::ranges::count(lines_, '\n'));
  if (forgotten > 0) out = " (" + std::to_string(forgotten) + " earlier lines are left out)\n";
  std::string_view rest = lines_;
  while (!rest.empty()) {
    auto end = rest.find('\n');
    std::string line = printable(rest.substr(0, end), transcript_line_bytes_max + columns_max);
    std::ranges::replace_if(
        line, [](char c) { return !is_ascii(c); }, '?');
    append_folded(line, out);
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace pennypost
