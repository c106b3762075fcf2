#include "common/log/kept_lines.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pennypost {
namespace {

std::size_t count_lines(const std::string& text) {
  auto ends = std::ranges::count(text, '\n');
  return std::max<std::size_t>(static_cast<std::size_t>(ends), 1);
}

}  // namespace

void KeptLines::add(std::string text) {
  forget_parents();
  any_ = true;
  // Once one is lost, all later ones are too, so that the count appears where lines are missing.
  if (lost_ > 0 || bytes_ + text.size() > log_kept_bytes_max) {
    lost_ += count_lines(text);
    return;
  }
  add_line(std::move(text));
}

Drained KeptLines::drain(const std::function<bool(std::string&)>& write,
                         const std::function<std::string(std::size_t)>& tell) {
  forget_parents();
  auto before = bytes_;
  while (!lines_.empty()) {
    std::string& line = lines_.front();
    auto size = line.size();
    bool is_written = write(line);
    bytes_ -= is_written ? size : size - line.size();
    if (!is_written) return bytes_ < before ? Drained::Some : Drained::Nothing;
    lines_.pop_front();
  }
  if (lost_ > 0) {
    // It waits like any other line, since only a part of it may be written at first.
    add_line(tell(std::exchange(lost_, 0)));
    return drain(write, tell);
  }
  any_ = false;
  return Drained::All;
}

void KeptLines::add_line(std::string text) {
  bytes_ += text.size();
  lines_.push_back(std::move(text));
}

void KeptLines::forget_parents() {
  int process = ::getpid();
  if (process != process_) {
    lines_.clear();
    bytes_ = lost_ = 0;
    any_ = false;
  }
  process_ = process;
}

}  // namespace pennypost
