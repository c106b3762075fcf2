#include "smtpd/inbound/data_scanner.h"

#include <algorithm>
#include <cstring>

namespace pennypost::smtp {
namespace {

/// Whether any byte has its high bit set, eight at a time.
bool any_8bit(std::string_view bytes) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t seen = 0;
  while (bytes.size() >= sizeof seen) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    seen |= word;
    bytes.remove_prefix(sizeof word);
  }
  for (char c : bytes) seen |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) & 0x80;
  return (seen & high_bits) != 0;
}

}  // namespace

void DataScanner::note(Fault fault) {
  if (fault_ == Fault::None) fault_ = fault;
}

void DataScanner::text(std::string_view bytes, std::string& out) {
  size_ += bytes.size();
  line_bytes_ += bytes.size();
  if (line_bytes_ > limits_.line_bytes_max) note(Fault::LineTooLong);
  if (limits_.message_bytes_max != 0 && size_ > limits_.message_bytes_max) note(Fault::TooBig);
  if (!has_8bit_) has_8bit_ = any_8bit(bytes);
  if (fault_ == Fault::None) out += bytes;
}

void DataScanner::end_line(std::string& out) {
  line_bytes_ = 0;
  text("\n", out);
  line_bytes_ = 0;
}

void DataScanner::bare_cr(std::string& out) {
  switch (limits_.bare_newline) {
    case BareNewline::Refuse:
      return note(Fault::BareCr);
    case BareNewline::Normalize:
      return text(" ", out);
    case BareNewline::Keep:
      return text("\r", out);
  }
}

void DataScanner::bare_lf(std::string& out) {
  if (limits_.bare_newline == BareNewline::Refuse) note(Fault::BareLf);
  end_line(out);
  state_ = State::LineStart;
  can_end_ = false;
}

std::size_t DataScanner::scan(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::Done) {
    char c = bytes[at];
    switch (state_) {
      case State::LineStart:
        if (c == '.' && ends_ == Ends::WithDot) {
          state_ = State::Dot;
          ++at;
          break;
        }
        state_ = State::Text;
        [[fallthrough]];
      case State::Text: {
        auto rest = bytes.substr(at);
        const void* found = std::memchr(rest.data(), '\n', rest.size());
        auto line = rest;
        if (found != nullptr) {
          line = rest.substr(
              0, static_cast<std::size_t>(static_cast<const char*>(found) - rest.data()));
        }
        // A CR within the line is bare; one at its end belongs to the LF, or waits for it.
        auto cr = line.find('\r');
        if (cr != line.npos && cr + 1 < line.size()) {
          text(line.substr(0, cr), out);
          at += cr + 1;
          state_ = State::Cr;
          break;
        }
        at += line.size();
        if (cr != line.npos) {
          line.remove_suffix(1);
          text(line, out);
          state_ = State::Cr;
          break;
        }
        text(line, out);
        if (found != nullptr) {
          ++at;
          bare_lf(out);
        }
        break;
      }
      case State::Cr:
        if (c == '\n') {
          ++at;
          end_line(out);
          state_ = State::LineStart;
          can_end_ = true;
        } else {
          bare_cr(out);
          state_ = State::Text;
        }
        break;
      case State::Dot:
        if (c == '\r') {
          state_ = State::DotCr;
          ++at;
        } else {
          state_ = State::Text;  // the dot was stuffed
        }
        break;
      case State::DotCr:
        if (c == '\n') {
          ++at;
          if (can_end_) {
            state_ = State::Done;
          } else {
            // A line of one dot after a bare LF ends no message (SMTP smuggling).
            end_line(out);
            state_ = State::LineStart;
            can_end_ = true;
          }
        } else {
          bare_cr(out);
          state_ = State::Text;
        }
        break;
      case State::Done:
        break;
    }
  }
  return at;
}

void DataScanner::finish(std::string& out) {
  if (state_ == State::Cr) bare_cr(out);
  if (state_ == State::Text || state_ == State::Cr) end_line(out);
  state_ = State::Done;
}

DataScanner::BareNewline parse_bare_newline(std::string_view text) {
  if (text == "normalize") return DataScanner::BareNewline::Normalize;
  if (text == "no") return DataScanner::BareNewline::Keep;
  return DataScanner::BareNewline::Refuse;
}

}  // namespace pennypost::smtp
