#include "common/mail/mime_scan.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost {
namespace {

constexpr std::array mime_fields{
    std::string_view("Content-Description"), std::string_view("Content-Disposition"),
    std::string_view("Content-ID"),          std::string_view("Content-Transfer-Encoding"),
    std::string_view("Content-Type"),        std::string_view("MIME-Version")};

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_mime_field(std::string_view name) {
  return std::ranges::any_of(mime_fields, [&](auto known) { return equal_nocase(known, name); });
}

MimeScanner::MimeScanner(std::string_view header, std::uint64_t offset,
                         std::uint64_t body_bytes_max)
    : offset_(offset), body_bytes_max_(body_bytes_max) {
  enter(header, false);
}

void MimeScanner::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (is_blind()) {
      offset_ += piece.size();
      return;
    }
    auto end = piece.find('\n');
    auto taken = piece.substr(0, end == piece.npos ? piece.size() : end + 1);
    piece.remove_prefix(taken.size());
    if (partial_.empty() && end != piece.npos) {
      line(taken);
      continue;
    }
    partial_ += taken;
    if (end == piece.npos && partial_.size() < mime_scan_line_bytes_max) return;
    line(std::exchange(partial_, {}));
  }
}

void MimeScanner::finish() {
  if (!partial_.empty()) line(std::exchange(partial_, {}));
  if (state_ != State::Body) end_header();
}

std::vector<MimeBlock> MimeScanner::take() {
  gathered_ = 0;
  return std::exchange(blocks_, {});
}

/// Nothing that follows can be of interest.
bool MimeScanner::is_blind() const {
  return state_ == State::Body && multiparts_.empty() && body_bytes_ >= body_bytes_max_ &&
         partial_.empty();
}

void MimeScanner::line(std::string_view text) {
  bool is_start = !std::exchange(is_inside_line_, !text.ends_with('\n'));
  auto at = offset_;
  offset_ += text.size();
  bool is_boundary = is_start && text.starts_with("--") && meets_boundary(text);
  if (!is_boundary && state_ != State::Body && takes_header_line(text, at, is_start)) return;
  if (body_bytes_ < body_bytes_max_) show(MimeBlock::Kind::Body, at, text);
  body_bytes_ += text.size();
}

/// Whether `text` is a boundary line; it ends the part it stands in, and counts as body itself.
bool MimeScanner::meets_boundary(std::string_view text) {
  auto named = without_line_end(text).substr(2);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < multiparts_.size(); ++i) {
    const auto& boundary = multiparts_[i].boundary;
    bool is_longest = !found || boundary.size() >= multiparts_[*found].boundary.size();
    if (is_longest && named.starts_with(boundary)) found = i;
  }
  if (!found) return false;
  if (state_ != State::Body) end_header();
  bool is_end = named.substr(multiparts_[*found].boundary.size()).starts_with("--");
  multiparts_.resize(is_end ? *found : *found + 1);
  state_ = is_end ? State::Body : State::PartHeader;
  is_of_digest_ = !is_end && multiparts_.back().is_digest;
  header_offset_ = offset_;
  body_bytes_ = 0;
  return true;
}

/// False where the header has ended before this line, which is of the body then.
bool MimeScanner::takes_header_line(std::string_view text, std::uint64_t at, bool is_start) {
  bool is_field = is_start && is_field_line(text);
  bool goes_on = !header_.empty() && (!is_start || is_blank(text.front()));
  bool has_room = header_.size() + text.size() <= mime_scan_header_bytes_max;
  if (!has_room || (!is_field && !goes_on)) {
    end_header();
    return false;
  }
  if (header_.empty()) header_offset_ = at;
  header_ += text;
  return true;
}

void MimeScanner::end_header() {
  auto header = std::exchange(header_, {});
  auto kind =
      state_ == State::NestedHeader ? MimeBlock::Kind::NestedHeader : MimeBlock::Kind::PartHeader;
  if (!header.empty()) show(kind, header_offset_, header);
  enter(header, std::exchange(is_of_digest_, false));
}

/// What stands behind a header, by its last Content-Type.
void MimeScanner::enter(std::string_view header, bool is_of_digest) {
  state_ = State::Body;
  body_bytes_ = 0;
  std::optional<std::string> field;
  for (const auto& one : HeaderFields(header)) {
    if (one.is("Content-Type")) field = one.value();
  }
  auto value = parse_mime_value(field.value_or(is_of_digest ? "message/rfc822" : "text/plain"));
  if (equal_nocase(value.value, "message/rfc822") || equal_nocase(value.value, "message/global")) {
    state_ = State::NestedHeader;
    return;
  }
  if (!starts_with_nocase(value.value, "multipart/") || multiparts_.size() >= mime_nesting_max) {
    return;
  }
  auto boundary = find_parameter(value.parameters, "boundary").value_or("");
  boundary.resize(std::min(boundary.size(), mime_boundary_bytes_max));
  if (boundary.empty()) return;
  multiparts_.push_back({std::move(boundary), equal_nocase(value.value, "multipart/digest")});
}

void MimeScanner::show(MimeBlock::Kind kind, std::uint64_t at, std::string_view text) {
  gathered_ += text.size();
  if (kind == MimeBlock::Kind::Body && !blocks_.empty()) {
    auto& last = blocks_.back();
    if (last.kind == kind && last.offset + last.text.size() == at) {
      last.text += text;
      return;
    }
  }
  blocks_.push_back({kind, at, std::string(text)});
}

}  // namespace pennypost
