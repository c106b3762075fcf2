#include "store/mailbox/reader.h"

#include <algorithm>
#include <string_view>

#include "store/mailbox/body.h"
#include "store/mailbox/cached_file.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t window_stored_bytes = 64 * 1024;
// Most headers are shorter.
constexpr std::uint64_t header_stored_bytes = 4 * 1024;
// Messages up to this size are converted at once.
constexpr std::uint64_t whole_stored_bytes = 1024 * 1024;

// Where the body begins; npos until the empty line has been read.
std::size_t header_end(std::string_view text, std::size_t searched) {
  if (searched == 0 && text.starts_with("\r\n")) return 2;
  auto end = text.find("\r\n\r\n", searched < 3 ? 0 : searched - 3);
  return end == std::string_view::npos ? end : end + 4;
}

}  // namespace

MessageReader::MessageReader(Descriptor file, std::uint64_t begin, std::uint64_t length)
    : file_(std::move(file)), begin_(begin), length_(length) {}

MessageReader::MessageReader(std::string text)
    : memory_(std::move(text)), length_(memory_.size()) {}

Result<std::string> MessageReader::read(std::uint64_t offset, std::uint64_t length) {
  if (offset < window_begin_) rewind();
  std::string out;
  while (length > 0) {
    if (offset >= window_end()) {
      if (stored_at_ == length_) break;
      TRY_DO(next_window(window_stored_bytes));
      continue;
    }
    auto piece = std::string_view(window_).substr(offset - window_begin_, length);
    out += piece;
    offset += piece.size();
    length -= piece.size();
  }
  return out;
}

Result<std::string> MessageReader::all(std::uint64_t octets_max) {
  if (length_ <= whole_stored_bytes && length_ <= octets_max / 2) {
    rewind();
    TRY(auto block, stored(0, length_));
    std::string text;
    convert(block, text);
    rewind();
    octets_ = text.size();
    return text;
  }
  TRY(auto size, octets());
  if (size > octets_max) {
    return Error(451, ResponseCode::Limit,
                 "the message has " + std::to_string(size) + " octets, more than " +
                     std::to_string(octets_max));
  }
  return read(0, size);
}

Result<std::string> MessageReader::header(std::uint64_t octets_max) {
  std::string text;
  if (stored_at_ == 0 && length_ > 0) {
    TRY_DO(next_window(header_stored_bytes));
  }
  for (std::size_t searched = 0;;) {
    auto known = window_begin_ <= text.size() && text.size() < window_end()
                     ? window_end() - text.size()
                     : window_stored_bytes;
    TRY(auto more, read(text.size(), known));
    bool at_end = more.empty();
    text += more;
    auto end = header_end(text, searched);
    if (end != std::string::npos || at_end || text.size() >= octets_max) {
      text.resize(std::min<std::uint64_t>({end, text.size(), octets_max}));
      return text;
    }
    searched = text.size();
  }
}

bool MessageReader::stored_now(std::uint64_t bytes_max, std::string& text) const {
  if (!file_ || length_ > bytes_max) return false;
  return read_cached(file_.number(), begin_, length_, text);
}

Result<std::uint64_t> MessageReader::octets() {
  if (octets_) return *octets_;
  LineEndCounter counter;
  for (std::uint64_t at = 0; at < length_;) {
    TRY(auto block, stored(at, std::min(window_stored_bytes, length_ - at)));
    counter.count(block);
    at += block.size();
  }
  octets_ = counter.octets();
  return *octets_;
}

Result<std::string> MessageReader::stored(std::uint64_t offset, std::uint64_t length) const {
  if (!file_) return memory_.substr(offset, length);
  TRY(auto bytes, read_range(file_.number(), begin_ + offset, length, "the message"));
  if (bytes.size() < length) return file_error("read", "the message", ENODATA);
  return bytes;
}

Result<void> MessageReader::next_window(std::uint64_t stored_bytes_max) {
  TRY(auto block, stored(stored_at_, std::min(stored_bytes_max, length_ - stored_at_)));
  window_begin_ = window_end();
  window_.clear();
  convert(block, window_);
  stored_at_ += block.size();
  return {};
}

// Called for consecutive blocks.
void MessageReader::convert(std::string_view block, std::string& out) {
  out.reserve(out.size() + block.size() + block.size() / 32);
  for (auto rest = block; !rest.empty();) {
    auto line_feed = rest.find('\n');
    auto line = rest.substr(0, line_feed);
    if (!line.empty()) after_cr_ = line.back() == '\r';
    out += line;
    if (line_feed == std::string_view::npos) break;
    out += after_cr_ ? "\n" : "\r\n";
    after_cr_ = false;
    rest.remove_prefix(line_feed + 1);
  }
}

void MessageReader::rewind() {
  window_.clear();
  window_begin_ = 0;
  stored_at_ = 0;
  after_cr_ = false;
}

}  // namespace pennypost::store
