#include "smtpd/inbound/reply.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {

Reply::Reply(const Error& error) : code_(error.code()) {
  status_ = error.status().value_or(EnhancedStatus::of_reply(code_)).text();
  text_ = printable(error.text());
}

void Reply::soften() {
  if (code_ < 500) return;
  code_ -= 100;
  if (status_.starts_with('5')) status_.front() = '4';
}

std::string Reply::summary() const {
  std::string all = std::to_string(code_);
  if (!status_.empty()) all += " " + status_;
  return all + " " + text_;
}

void Reply::append_to(std::string& wire) const {
  for (std::size_t i = 0; i < times_; ++i) append_once(wire);
}

void Reply::append_once(std::string& wire) const {
  std::string code = std::to_string(code_);
  std::string_view rest = text_;
  std::size_t room = reply_line_bytes_max - code.size() - status_.size() - 4;
  wire.reserve(wire.size() + code.size() + status_.size() + text_.size() + 4);
  for (;;) {
    auto line = rest.substr(0, rest.find('\n'));
    bool is_wrapped = line.size() > room;
    if (is_wrapped) line = line.substr(0, room);
    rest.remove_prefix(line.size());
    bool is_last = rest.empty();
    if (!is_last && !is_wrapped) rest.remove_prefix(1);
    wire += code;
    wire += is_last ? ' ' : '-';
    if (!status_.empty()) {
      wire += status_;
      wire += ' ';
    }
    wire += line;
    wire += "\r\n";
    if (is_last) return;
  }
}

}  // namespace pennypost::smtp
