#include "common/mailauth/canonical.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t hash_piece_bytes = 8192;

std::string with_crlf(std::string_view whole) {
  std::string out;
  out.reserve(whole.size() + 2);
  while (!whole.empty()) {
    auto end = std::min(whole.find('\n'), whole.size());
    auto line = whole.substr(0, end);
    whole.remove_prefix(std::min(end + 1, whole.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.append(line).append("\r\n");
  }
  return out;
}

}  // namespace

std::string canonical_field(Canonical form, std::string_view whole) {
  if (form == Canonical::Simple) return with_crlf(whole);
  auto colon = std::min(whole.find(':'), whole.size());
  auto name = whole.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  std::string out = lower(name) + ":";
  out.reserve(whole.size() + 2);
  std::size_t empty = out.size();
  bool has_blank = false;
  auto body = whole.substr(std::min(colon + 1, whole.size()));
  for (std::size_t i = 0; i < body.size(); ++i) {
    char c = body[i];
    bool is_line_end = c == '\n' || (c == '\r' && (i + 1 == body.size() || body[i + 1] == '\n'));
    if (is_line_end) continue;
    if (is_blank(c)) {
      has_blank = true;
      continue;
    }
    if (std::exchange(has_blank, false) && out.size() > empty) out += ' ';
    out += c;
  }
  return out.append("\r\n");
}

BodyHasher::BodyHasher(BodyForms wanted) {
  if (wanted.simple) simple_.emplace(Canonical::Simple);
  if (wanted.relaxed) relaxed_.emplace(Canonical::Relaxed);
}

void BodyHasher::feed(std::string_view piece) {
  if (simple_) simple_->feed(piece);
  if (relaxed_) relaxed_->feed(piece);
}

void BodyHasher::finish() {
  if (simple_) simple_hash_ = simple_->finish();
  if (relaxed_) relaxed_hash_ = relaxed_->finish();
}

const std::string& BodyHasher::hash(Canonical form) const {
  const auto& hash = form == Canonical::Simple ? simple_hash_ : relaxed_hash_;
  ASSERT(!hash.empty());
  return hash;
}

void BodyHasher::Stream::feed(std::string_view piece) {
  bool is_relaxed = form_ == Canonical::Relaxed;
  auto is_text = [is_relaxed](char c) {
    return c != '\n' && c != '\r' && !(is_relaxed && is_blank(c));
  };
  while (!piece.empty()) {
    char c = piece.front();
    if (has_carriage_return_ && c != '\n') carriage_return();
    if (c == '\n') {
      has_carriage_return_ = false;
      line_end();
    } else if (c == '\r') {
      has_carriage_return_ = true;
    } else if (is_relaxed && is_blank(c)) {
      has_blank_ = true;
    } else {
      std::size_t run = 1;
      while (run < piece.size() && is_text(piece[run])) ++run;
      text(piece.substr(0, run));
      piece.remove_prefix(run);
      continue;
    }
    piece.remove_prefix(1);
  }
}

/// A CR that no LF follows is text.
void BodyHasher::Stream::carriage_return() {
  has_carriage_return_ = false;
  text("\r");
}

void BodyHasher::Stream::text(std::string_view run) {
  settle();
  put(run);
  in_line_ = true;
  is_empty_ = false;
}

std::string BodyHasher::Stream::finish() {
  if (has_carriage_return_) carriage_return();
  // RFC 6376 section 3.4.3: a body without a CRLF at its end gets one, even if it is empty; section
  // 3.4.4: in relaxed form an empty body stays empty.
  if (in_line_ || (is_empty_ && form_ == Canonical::Simple)) put("\r\n");
  sha_.add(waiting_);
  return sha_.finish();
}

/// Hashes what was held back, since it turned out not to be the end.
void BodyHasher::Stream::settle() {
  for (; empty_lines_ > 0; --empty_lines_) put("\r\n");
  if (std::exchange(has_blank_, false)) put(" ");
}

void BodyHasher::Stream::line_end() {
  has_blank_ = false;  // RFC 6376 section 3.4.4: blanks at the end of a line are ignored
  if (std::exchange(in_line_, false)) {
    put("\r\n");
  } else {
    ++empty_lines_;
  }
}

void BodyHasher::Stream::put(std::string_view run) {
  if (waiting_.size() + run.size() > hash_piece_bytes) {
    sha_.add(waiting_);
    waiting_.clear();
  }
  if (run.size() > hash_piece_bytes / 2) {
    sha_.add(waiting_);
    waiting_.clear();
    sha_.add(run);
  } else {
    waiting_ += run;
  }
}

}  // namespace pennypost
