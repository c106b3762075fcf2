#include "store/mbox/scan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::size_t window_bytes = 256 * 1024;

// Reads the lines of a part of a file, with their LF. A line longer than the window comes in
// pieces.
class Lines {
 public:
  Lines(int descriptor, std::uint64_t begin, std::uint64_t end, const std::string& path)
      : descriptor_(descriptor), read_at_(begin), end_(end), path_(path) {}

  /// Empty at the end.
  Result<std::string_view> next() {
    for (;;) {
      auto rest = std::string_view(window_).substr(used_);
      auto line_feed = rest.find('\n');
      if (line_feed != std::string_view::npos || rest.size() >= window_bytes || read_at_ == end_) {
        auto piece =
            rest.substr(0, line_feed == std::string_view::npos ? line_feed : line_feed + 1);
        used_ += piece.size();
        return piece;
      }
      TRY_DO(read_more());
    }
  }

 private:
  Result<void> read_more() {
    window_.erase(0, used_);
    used_ = 0;
    auto wanted = std::min<std::uint64_t>(window_bytes, end_ - read_at_);
    TRY(auto more, read_range(descriptor_, read_at_, wanted, path_));
    if (more.size() < wanted) return file_error("read", path_, ENODATA);
    window_ += more;
    read_at_ += more.size();
    return {};
  }

  int descriptor_;
  std::uint64_t read_at_;
  std::uint64_t end_;
  const std::string& path_;
  std::string window_;
  std::size_t used_ = 0;
};

bool is_empty_line(std::string_view piece) { return piece == "\n" || piece == "\r\n"; }

// Goes through the lines of a file, or of one message.
class Scanner {
 public:
  Scanner(std::vector<MboxEntry>& entries, std::uint64_t offset) : entries_(entries), at_(offset) {}

  Result<void> line(std::string_view piece, bool is_start, const std::string& path) {
    auto date =
        is_start && piece.starts_with("From ") ? parse_from_line(trim(piece)) : std::nullopt;
    if (date) {
      begin(*date, piece.size());
    } else if (!entries_.empty()) {
      add(piece, is_start);
    } else if (!is_empty_line(piece)) {
      return Error(451, ResponseCode::Corruption,
                   path + " does not begin with a From_ line: it is not an mbox");
    }
    at_ += piece.size();
    return {};
  }

  void finish() {
    if (entries_.empty()) return;
    auto& entry = entries_.back();
    entry.next_offset = at_;
    entry.end_offset = at_ - separator_bytes_;
    if (separator_bytes_ > 0) entry.octets -= 2;
    if (in_header_) entry.body_offset = entry.end_offset = at_;
  }

 private:
  // A line longer than the window may be split between its CR and its LF.
  std::uint64_t octets_of(std::string_view piece) {
    bool is_crlf = piece.ends_with("\r\n") || (piece == "\n" && is_after_cr_);
    is_after_cr_ = piece.ends_with('\r');
    return piece.size() + (piece.ends_with('\n') && !is_crlf ? 1 : 0);
  }

  void begin(std::int64_t date, std::size_t line_bytes) {
    finish();
    MboxEntry entry;
    entry.from_offset = at_;
    entry.header_offset = at_ + line_bytes;
    entry.date = date;
    entries_.push_back(std::move(entry));
    in_header_ = true;
    in_field_ = false;
    separator_bytes_ = 0;
  }

  void add(std::string_view piece, bool is_start) {
    auto& entry = entries_.back();
    bool is_empty = is_start && is_empty_line(piece);
    if (in_header_ && is_empty) {
      in_header_ = false;
      entry.body_offset = at_ + piece.size();
      entry.octets += 2;
      return;
    }
    if (in_header_ && is_start && !is_blank(piece.front())) note_field(entry, piece);
    if (in_header_ && in_field_) return;
    entry.octets += octets_of(piece) - (is_start && is_quoted_from(piece) ? 1 : 0);
    separator_bytes_ = is_empty && !in_header_ ? piece.size() : 0;
  }

  void note_field(MboxEntry& entry, std::string_view line) {
    auto field = field_of(line);
    in_field_ = field != MboxField::None;
    if (!in_field_) return;
    auto value = trim(line.substr(line.find(':') + 1));
    if (field == MboxField::BaseLine) {
      entry.base = MboxBase::parse(value);
    } else {
      entry.meta.read(field, value);
    }
  }

  std::vector<MboxEntry>& entries_;
  std::uint64_t at_;
  bool in_header_ = false;
  bool in_field_ = false;            // in one of our fields, or a continuation line of it
  bool is_after_cr_ = false;         // the last piece ended with one, and was no whole line
  std::size_t separator_bytes_ = 0;  // of the last line, if it is empty
};

// A part of one message as shown: the header if `header` is set, else the body.
Result<std::string> shown(int descriptor, std::uint64_t begin, std::uint64_t end, bool header,
                          const std::string& path) {
  std::string text;
  text.reserve(end - begin);
  Lines lines(descriptor, begin, end, path);
  bool is_start = true;
  bool in_field = false;
  for (;;) {
    TRY(auto piece, lines.next());
    if (piece.empty()) return text;
    if (header && is_start && !is_blank(piece.front())) {
      in_field = field_of(piece) != MboxField::None;
    }
    if (!in_field) text += is_start && is_quoted_from(piece) ? piece.substr(1) : piece;
    is_start = piece.ends_with('\n');
  }
}

}  // namespace

Result<std::vector<MboxEntry>> scan_mbox(int descriptor, const std::string& path,
                                         std::size_t messages_max) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path);
  std::vector<MboxEntry> entries;
  Lines lines(descriptor, 0, static_cast<std::uint64_t>(status.st_size), path);
  Scanner scanner(entries, 0);
  for (bool is_start = true;;) {
    TRY(auto piece, lines.next());
    if (piece.empty()) break;
    TRY_DO(scanner.line(piece, is_start, path));
    is_start = piece.ends_with('\n');
    if (entries.size() > messages_max) {
      return Error(451, ResponseCode::Limit,
                   path + " has more than " + std::to_string(messages_max) + " messages");
    }
  }
  scanner.finish();
  return entries;
}

Result<std::string> shown_message(int descriptor, const MboxEntry& entry, const std::string& path) {
  TRY(auto text, shown(descriptor, entry.header_offset, entry.body_offset, true, path));
  TRY(auto body, shown(descriptor, entry.body_offset, entry.end_offset, false, path));
  return text + body;
}

Result<std::string> shown_header(int descriptor, const MboxEntry& entry, const std::string& path) {
  TRY(auto text, shown(descriptor, entry.header_offset, entry.body_offset, true, path));
  // The lines above the empty one need not end as it does.
  auto end = text.size() - (text.ends_with('\n') ? 1 : 0);
  auto begin = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;
  if (is_empty_line(std::string_view(text).substr(begin))) text.resize(begin);
  return text;
}

Result<std::string> missing_line_ends(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path);
  auto size = static_cast<std::uint64_t>(status.st_size);
  auto wanted = std::min<std::uint64_t>(size, 3);
  TRY(auto end, read_range(descriptor, size - wanted, wanted, path));
  bool ends_empty = end.ends_with("\n\n") || end.ends_with("\n\r\n");
  if (end.empty() || is_empty_line(end) || ends_empty) return std::string();
  return std::string(end.ends_with('\n') ? "\n" : "\n\n");
}

}  // namespace pennypost::store
