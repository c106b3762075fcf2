#include "common/mail/header.h"

#include <algorithm>
#include <cstdint>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t blank_run_max = 60;  // that make_field() keeps

/// The first line of `text` with its line end.
std::string_view first_line(std::string_view text) {
  auto end = text.find('\n');
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

bool is_empty_line(std::string_view line) { return line == "\n" || line == "\r\n"; }

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// A field from all its lines.
HeaderField field_of(std::string_view whole) {
  HeaderField field{{}, without_line_end(whole), whole};
  auto colon = first_line(whole).find(':');
  if (colon == std::string_view::npos) return field;
  // RFC 5322 section 4.5: blanks before the colon are obsolete, but must be accepted.
  auto name = whole.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  if (!is_field_name(name)) return field;
  field.name = name;
  field.body.remove_prefix(colon + 1);
  return field;
}

/// Where to end a line of `text` with `room` octets left: at the last blank that fits and has a
/// word before it, else at the first blank, else at the hard limit.
std::size_t fold_at(std::string_view text, std::size_t room, std::size_t hard_room) {
  if (text.size() > hard_room) text = text.substr(0, hard_room + 1);
  auto word = text.find_first_not_of(" \t");
  ASSERT(word != std::string_view::npos);  // squeezed() leaves no longer run of blanks
  if (text.size() <= room) return text.size();
  auto blank = text.find_last_of(" \t", room);
  if (blank == std::string_view::npos || blank < word) blank = text.find_first_of(" \t", word);
  auto end = std::min(blank, text.size());
  // Does not split a UTF-8 character.
  if (end > hard_room) {
    end = hard_room;
    while (end > word + 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  }
  return end;
}

/// A part of an edited text: either of the original text, or inserted.
struct Stretch {
  std::size_t offset = 0;
  std::size_t bytes = 0;  // 0: `inserted`
  std::string_view inserted;

  std::size_t size() const { return bytes == 0 ? inserted.size() : bytes; }
  /// Removes and returns its first `count` octets.
  Stretch take(std::size_t count) {
    Stretch front = *this;
    if (bytes == 0) {
      front.inserted = inserted.substr(0, count);
      inserted.remove_prefix(count);
    } else {
      front.bytes = count;
      offset += count;
      bytes -= count;
    }
    return front;
  }
};

/// The result of `edits` on a text without an end.
std::vector<Stretch> stretches(const std::vector<Edit>& edits) {
  std::vector<Stretch> list;
  std::size_t done = 0;
  for (const auto& edit : edits) {
    if (edit.offset > done) list.push_back({done, edit.offset - done, {}});
    if (!edit.insert.empty()) list.push_back({0, 0, edit.insert});
    done = edit.offset + edit.erase;
  }
  list.push_back({done, SIZE_MAX - done, {}});
  return list;
}

/// The edits that turn a text into this list.
std::vector<Edit> edits_that_make(const std::vector<Stretch>& list) {
  std::vector<Edit> edits;
  std::size_t done = 0;
  std::string insert;
  for (const auto& stretch : list) {
    if (stretch.bytes == 0) {
      insert += stretch.inserted;
      continue;
    }
    if (stretch.offset > done || !insert.empty()) {
      edits.push_back({done, stretch.offset - done, std::move(insert)});
      insert.clear();
    }
    done = stretch.offset + stretch.bytes;
  }
  return edits;
}

/// The text without runs of blanks that would fill a line.
std::string squeezed(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto blanks = std::min(text.find_first_not_of(" \t"), text.size());
    out += blanks > blank_run_max ? text.substr(0, 1) : text.substr(0, blanks);
    text.remove_prefix(blanks);
    auto word = std::min(text.find_first_of(" \t"), text.size());
    out += text.substr(0, word);
    text.remove_prefix(word);
  }
  return out;
}

}  // namespace

bool HeaderField::is(std::string_view other) const { return equal_nocase(name, other); }

std::string HeaderField::value() const { return std::string(trim(unfold(body))); }

void HeaderFields::Iterator::next() {
  auto line = first_line(rest_);
  done_ = line.empty() || is_empty_line(line);
  if (done_) return;
  auto bytes = line.size();
  while (bytes < rest_.size() && is_blank(rest_[bytes])) {
    bytes += first_line(rest_.substr(bytes)).size();
  }
  field_ = field_of(rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
}

std::optional<HeaderField> HeaderFields::find(std::string_view name) const {
  for (const auto& field : *this) {
    if (field.is(name)) return field;
  }
  return {};
}

std::vector<HeaderField> HeaderFields::find_all(std::string_view name) const {
  std::vector<HeaderField> found;
  for (const auto& field : *this) {
    if (field.is(name)) found.push_back(field);
  }
  return found;
}

std::optional<std::string> HeaderFields::value(std::string_view name) const {
  auto field = find(name);
  if (!field) return {};
  return field->value();
}

std::size_t header_bytes(std::string_view message) {
  std::size_t bytes = 0;
  while (bytes < message.size()) {
    auto line = first_line(message.substr(bytes));
    bytes += line.size();
    if (is_empty_line(line)) break;
  }
  return bytes;
}

bool is_field_name(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

bool is_field_line(std::string_view line) {
  auto colon = line.find(':');
  if (colon == line.npos) return false;
  auto name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  return is_field_name(name);
}

std::string unfold(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\n') continue;
    if (body[i] == '\r' && i + 1 < body.size() && body[i + 1] == '\n') continue;
    out += body[i];
  }
  return out;
}

std::string make_field(std::string_view name, std::string_view body, std::string_view line_end) {
  ASSERT(is_field_name(name));
  auto value = squeezed(trim(unfold(body)));
  std::string_view rest = value;
  std::string out = std::string(name) + ":";
  std::size_t column = out.size();
  auto take = [&](std::size_t bytes) {
    out += rest.substr(0, bytes);
    rest.remove_prefix(bytes);
  };
  if (!rest.empty()) {
    out += ' ';
    ++column;
  }
  while (!rest.empty()) {
    auto room = column < fold_line_bytes ? fold_line_bytes - column : 0;
    auto hard_room = column < header_line_bytes_max ? header_line_bytes_max - column : 1;
    take(fold_at(rest, room, hard_room));
    if (rest.empty()) break;
    out += line_end;
    column = 0;
    if (!is_blank(rest.front())) {
      out += ' ';
      column = 1;
    }
  }
  return out.append(line_end);
}

std::vector<Edit> change_fields(std::string_view text, const std::vector<FieldChange>& changes) {
  std::vector<Edit> edits;
  for (const auto& field : HeaderFields(text)) {
    auto change =
        std::ranges::find_if(changes, [&](const auto& one) { return field.is(one.name); });
    if (change == changes.end()) continue;
    auto offset = static_cast<std::size_t>(field.whole.data() - text.data());
    if (change->new_name) {
      edits.push_back({offset, field.name.size(), *change->new_name});
    } else {
      edits.push_back({offset, field.whole.size(), {}});
    }
  }
  return edits;
}

const std::vector<FieldChange>& blind_copy_fields() {
  static const std::vector<FieldChange> changes{{"Bcc", {}}, {"Resent-Bcc", {}}};
  return changes;
}

std::vector<std::string_view> edited_pieces(std::string_view text, const std::vector<Edit>& edits) {
  std::vector<std::string_view> pieces;
  std::size_t done = 0;
  auto add = [&](std::string_view piece) {
    if (!piece.empty()) pieces.push_back(piece);
  };
  for (const auto& edit : edits) {
    ASSERT(edit.offset >= done && edit.offset + edit.erase <= text.size());
    add(text.substr(done, edit.offset - done));
    add(edit.insert);
    done = edit.offset + edit.erase;
  }
  add(text.substr(done));
  return pieces;
}

std::string edited(std::string_view text, const std::vector<Edit>& edits) {
  std::string out;
  for (auto piece : edited_pieces(text, edits)) out += piece;
  return out;
}

std::vector<Edit> composed(const std::vector<Edit>& first, const std::vector<Edit>& second) {
  if (first.empty() || second.empty()) return first.empty() ? second : first;
  auto before = stretches(first);
  std::vector<Stretch> after;
  auto from = before.begin();
  std::size_t done = 0;
  // The last stretch has no end, so there is always something left to take.
  auto take = [&](std::size_t count, bool keeps) {
    while (count > 0) {
      auto part = from->take(std::min(count, from->size()));
      count -= part.size();
      if (keeps) after.push_back(part);
      if (from->size() == 0) ++from;
    }
  };
  for (const auto& edit : second) {
    ASSERT(edit.offset >= done);
    take(edit.offset - done, true);
    if (!edit.insert.empty()) after.push_back({0, 0, edit.insert});
    take(edit.erase, false);
    done = edit.offset + edit.erase;
  }
  after.insert(after.end(), from, before.end());
  return edits_that_make(after);
}

}  // namespace pennypost
