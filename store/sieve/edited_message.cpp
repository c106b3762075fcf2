// Keeps the fields of a header in a list of views.
#include "store/sieve/edited_message.h"

#include "common/base/text.h"

namespace pennypost::store::sieve {

EditedMessage::EditedMessage(std::string_view text) : original_(text) { begin(text); }

void EditedMessage::begin(std::string_view text) {
  text_ = text;
  auto first_end = text.find('\n');
  bool is_crlf =
      first_end != std::string_view::npos && first_end > 0 && text[first_end - 1] == '\r';
  line_end_ = is_crlf ? "\r\n" : "\n";
  fields_.clear();
  for (const auto& field : HeaderFields(text)) {
    fields_.push_back({field.name, field.body, field.whole});
  }
  added_octets_ = 0;
  removed_octets_ = 0;
}

const MimePart& EditedMessage::root() {
  if (!root_) root_ = std::make_unique<MimePart>(parse_mime(text_));
  return *root_;
}

std::vector<std::string_view> EditedMessage::bodies(std::string_view name) const {
  std::vector<std::string_view> found;
  for (const auto& field : fields_) {
    if (!field.is_removed && equal_nocase(field.name, name)) found.push_back(field.body);
  }
  return found;
}

bool EditedMessage::has(std::string_view name) const {
  for (const auto& field : fields_) {
    if (!field.is_removed && equal_nocase(field.name, name)) return true;
  }
  return false;
}

void EditedMessage::add_field(std::string_view name, std::string_view body, bool is_last) {
  const auto& whole = made_.emplace_back(make_field(name, body, line_end_));
  Field field;
  field.whole = whole;
  field.name = field.whole.substr(0, name.size());
  field.body = field.whole.substr(name.size() + 1);
  field.body.remove_suffix(line_end_.size());
  field.is_made = true;
  fields_.insert(is_last ? fields_.end() : fields_.begin(), field);
  added_octets_ += crlf_octets(whole);
  is_changed_ = true;
}

void EditedMessage::remove_field(std::string_view name, std::size_t index) {
  for (auto& field : fields_) {
    if (field.is_removed || !equal_nocase(field.name, name)) continue;
    if (index-- > 0) continue;
    field.is_removed = true;
    removed_octets_ += crlf_octets(field.whole);
    is_changed_ = true;
    return;
  }
}

MessageForm EditedMessage::form() {
  if (!is_changed_) return form_;
  is_changed_ = false;
  auto edits = header_edits();
  if (!texts_.empty()) {
    // The text was replaced as a whole.
    edits = composed({{0, original_.size(), texts_.back()}}, edits);
  }
  form_ = edits.empty() ? nullptr : std::make_shared<const std::vector<Edit>>(std::move(edits));
  return form_;
}

std::string EditedMessage::written() {
  auto now = form();
  return now ? edited(original_, *now) : std::string(original_);
}

MessageForm EditedMessage::form_to_redirect() { return unenclosed_ ? *unenclosed_ : form(); }

/// What was done to the fields of text_.
std::vector<Edit> EditedMessage::header_edits() const {
  std::vector<Edit> edits;
  std::size_t offset = 0;
  std::string waiting;  // made fields, to be inserted at the offset
  for (const auto& field : fields_) {
    if (field.is_made) {
      if (!field.is_removed) waiting += field.whole;
      continue;
    }
    if (!waiting.empty() || field.is_removed) {
      edits.push_back({offset, field.is_removed ? field.whole.size() : 0, std::move(waiting)});
      waiting.clear();
    }
    offset += field.whole.size();
  }
  if (!waiting.empty()) {
    bool ends_inside_line = offset > 0 && offset == text_.size() && !text_.ends_with('\n');
    if (ends_inside_line) waiting.insert(0, line_end_);
    edits.push_back({offset, 0, std::move(waiting)});
  }
  return edits;
}

std::vector<HeaderField> EditedMessage::fields() const {
  std::vector<HeaderField> out;
  for (const auto& field : fields_) {
    if (!field.is_removed) out.push_back({field.name, field.body, field.whole});
  }
  return out;
}

std::optional<std::size_t> EditedMessage::offset_now(std::size_t offset,
                                                     std::size_t version) const {
  for (; version < replacements_.size(); ++version) {
    std::size_t now = offset;
    for (const auto& edit : replacements_[version]) {
      if (edit.offset + edit.erase <= offset && edit.offset < offset) {
        now = now + edit.insert.size() - edit.erase;
      } else if (edit.offset < offset) {
        return std::nullopt;
      }
    }
    offset = now;
  }
  return offset;
}

void EditedMessage::start_from(std::string text, Replacement made) {
  replacements_.push_back(std::move(made));
  earlier_roots_.push_back(std::move(root_));
  is_changed_ = true;
  begin(texts_.emplace_back(std::move(text)));
}

void EditedMessage::replace(std::size_t offset, std::size_t octets, std::string by) {
  auto edits = header_edits();
  edits.push_back({offset, octets, std::move(by)});
  auto text = edited(text_, edits);
  start_from(std::move(text), std::move(edits));
}

void EditedMessage::replace_all(std::string text, bool is_enclosure) {
  if (is_enclosure && !unenclosed_) unenclosed_ = form();
  Replacement all{{0, text_.size(), text}};
  start_from(std::move(text), std::move(all));
}

}  // namespace pennypost::store::sieve
