#include "smtpd/inbound/data_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace pennypost::smtp {
namespace {

/// Whether any byte has its high bit set; tests 32 bytes at a time.
bool any_8bit(std::string_view bytes) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t seen = 0;
  std::array<std::uint64_t, 4> words;
  while (bytes.size() >= sizeof words) {
    std::memcpy(words.data(), bytes.data(), sizeof words);
    seen |= words[0] | words[1] | words[2] | words[3];
    bytes.remove_prefix(sizeof words);
  }
  for (char c : bytes) seen |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) & 0x80;
  return (seen & high_bits) != 0;
}

/// Grows `out` as append() would, but once for all lines.
void make_room(std::string& out, std::size_t more) {
  if (out.capacity() - out.size() >= more) return;
  out.reserve(std::max(out.size() + more, out.capacity() * 2));
}

}  // namespace

void DataScanner::note(Fault fault) {
  if (fault_ == Fault::None) fault_ = fault;
}

bool DataScanner::is_too_big(std::uint64_t octets) const {
  return !limits_.message_bytes_max.allows(octets);
}

void DataScanner::text(std::string_view bytes, std::string& out) {
  octets_ += bytes.size();
  line_bytes_ += bytes.size();
  if (line_bytes_ > limits_.line_bytes_max) note(Fault::LineTooLong);
  if (is_too_big(octets_)) note(Fault::TooBig);
  if (fault_ == Fault::None) out += bytes;
}

void DataScanner::end_line(std::string& out) {
  line_bytes_ = 0;
  octets_ += 2;
  ++line_ends_;
  if (is_too_big(octets_)) note(Fault::TooBig);
  if (fault_ == Fault::None) out += '\n';
}

void DataScanner::end_crlf(std::string& out) {
  end_line(out);
  state_ = State::LineStart;
  can_end_ = true;
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

/// At the start of a line: consumes the complete lines that need no special treatment, which are
/// nearly all in most messages. line() and text() would have the same result, more slowly.
std::size_t DataScanner::plain_lines(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (at < bytes.size() && fault_ == Fault::None) {
    auto rest = bytes.substr(at);
    if (rest.front() == '.' && ends_ == Ends::WithDot) break;
    auto end = rest.find('\n');
    if (end == rest.npos || end == 0 || rest.substr(0, end).find('\r') != end - 1) break;
    if (end - 1 > limits_.line_bytes_max || is_too_big(octets_ + end + 1)) break;
    out.append(rest, 0, end - 1);
    out += '\n';
    octets_ += end + 1;
    ++line_ends_;
    at += end + 1;
  }
  if (at > 0) can_end_ = true;
  return at;
}

/// Within a line: consumes the rest of it with its CRLF; otherwise up to its LF, to a CR, or to the
/// end of `bytes`. A CR is handled when the next byte has arrived.
std::size_t DataScanner::line(std::string_view bytes, std::string& out) {
  const void* found = std::memchr(bytes.data(), '\n', bytes.size());
  std::size_t length = bytes.size();
  if (found != nullptr) {
    length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
  }
  auto content = bytes.substr(0, length);
  auto cr = content.find('\r');
  if (cr != content.npos) {
    text(content.substr(0, cr), out);
    if (found != nullptr && cr + 1 == length) {
      end_crlf(out);
      return length + 1;
    }
    state_ = State::Cr;
    return cr + 1;
  }
  text(content, out);
  if (found == nullptr) return length;
  bare_lf(out);
  return length + 1;
}

std::size_t DataScanner::scan(std::string_view bytes, std::string& out) {
  if (fault_ == Fault::None) make_room(out, bytes.size());
  auto taken = scan_lines(bytes, out);
  // Bytes that are not content (CR, stuffed dots) have no high bit.
  if (!has_8bit_) has_8bit_ = any_8bit(bytes.substr(0, taken));
  return taken;
}

std::size_t DataScanner::scan_lines(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::Done) {
    char c = bytes[at];
    switch (state_) {
      case State::LineStart:
        if (std::size_t count = plain_lines(bytes.substr(at), out); count > 0) {
          at += count;
          break;
        }
        if (c == '.' && ends_ == Ends::WithDot) {
          state_ = State::Dot;
          ++at;
        } else {
          state_ = State::Text;
        }
        break;
      case State::Text:
        at += line(bytes.substr(at), out);
        break;
      case State::Cr:
        if (c != '\n') {
          bare_cr(out);
          state_ = State::Text;
          break;
        }
        ++at;
        end_crlf(out);
        break;
      case State::Dot:
        // The text of the line follows: the dot was stuffed.
        state_ = c == '\r' ? State::DotCr : State::Text;
        if (c == '\r') ++at;
        break;
      case State::DotCr:
        if (c != '\n') {
          bare_cr(out);
          state_ = State::Text;
          break;
        }
        ++at;
        if (can_end_) {
          state_ = State::Done;
          break;
        }
        // A line of one dot after a bare LF does not end the message (SMTP smuggling).
        end_crlf(out);
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
