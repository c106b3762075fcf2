#include "imapd/grammar/fetch.h"

#include <algorithm>

#include "common/base/text.h"
#include "imapd/grammar/modseq.h"

namespace pennypost::imap {
namespace {

using Kind = FetchItem::Kind;

struct ItemRow {
  std::string_view name;
  Kind kind;
  Section::Text text;
  bool marks_seen;
};
constexpr ItemRow item_rows[] = {
    {"UID", Kind::Uid, {}, false},
    {"FLAGS", Kind::Flags, {}, false},
    {"INTERNALDATE", Kind::InternalDate, {}, false},
    {"RFC822.SIZE", Kind::Rfc822Size, {}, false},
    {"ENVELOPE", Kind::Envelope, {}, false},
    {"BODYSTRUCTURE", Kind::BodyStructure, {}, false},
    {"BODY", Kind::Body, {}, false},
    {"MODSEQ", Kind::ModSeq, {}, false},
    {"SAVEDATE", Kind::SaveDate, {}, false},
    {"EMAILID", Kind::EmailId, {}, false},
    {"THREADID", Kind::ThreadId, {}, false},
    {"PREVIEW", Kind::Preview, {}, false},
    {"RFC822", Kind::Section, Section::Text::Whole, true},
    {"RFC822.HEADER", Kind::Section, Section::Text::Header, false},
    {"RFC822.TEXT", Kind::Section, Section::Text::Text, true},
};

struct MacroRow {
  std::string_view name;
  std::vector<std::string_view> items;
};

FetchItem item_of(const ItemRow& row) {
  FetchItem item;
  item.kind = row.kind;
  item.name = row.name;
  item.section.text = row.text;
  item.marks_seen = row.marks_seen;
  return item;
}

Result<void> header_fields(Cursor& cursor, Section& section) {
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  cursor.skip_spaces();
  do {
    if (section.fields.size() == cursor.limits().list_items_max) {
      return Error(501, "Too many header fields");
    }
    TRY(auto field, cursor.astring());
    section.fields.push_back(std::move(field));
  } while (cursor.next_item());
  return cursor.expect(')');
}

}  // namespace

Result<Section> parse_section(Cursor& cursor) {
  Section section;
  while (!cursor.at_end() && is_digit(cursor.rest().front())) {
    if (section.part.size() == cursor.limits().nesting_max)
      return Error(501, "Part is nested too deep");
    TRY(auto number, cursor.nz_number());
    section.part.push_back(number);
    if (cursor.skip(']')) return section;
    TRY_DO(cursor.expect('.'));
  }
  if (section.part.empty() && cursor.skip(']')) return section;
  TRY(auto name, cursor.keyword());
  if (name == "HEADER") {
    section.text = Section::Text::Header;
  } else if (name == "TEXT") {
    section.text = Section::Text::Text;
  } else if (name == "MIME" && !section.part.empty()) {
    section.text = Section::Text::Mime;
  } else if (name == "HEADER.FIELDS" || name == "HEADER.FIELDS.NOT") {
    section.text =
        name == "HEADER.FIELDS" ? Section::Text::HeaderFields : Section::Text::HeaderFieldsNot;
    TRY_DO(header_fields(cursor, section));
  } else {
    return Error(501, "Unknown section " + name);
  }
  TRY_DO(cursor.expect(']'));
  return section;
}

namespace {

// `<offset.count>`, if it stands here.
Result<std::optional<Partial>> parse_partial(Cursor& cursor) {
  std::optional<Partial> partial;
  if (!cursor.skip('<')) return partial;
  partial.emplace();
  TRY(partial->offset, cursor.number64());
  TRY_DO(cursor.expect('.'));
  TRY(partial->count, cursor.number64());
  if (partial->count == 0) return Error(501, "A partial of no bytes");
  TRY_DO(cursor.expect('>'));
  return partial;
}

// What stands before the `[` of an item with a section.
struct SectionRow {
  std::string_view name;
  Kind kind;
  bool marks_seen;
};
constexpr SectionRow section_rows[] = {
    {"BODY", Kind::Section, true},
    {"BODY.PEEK", Kind::Section, false},
    {"BINARY", Kind::Binary, true},
    {"BINARY.PEEK", Kind::Binary, false},
    {"BINARY.SIZE", Kind::BinarySize, false},
};

Result<FetchItem> parse_item_with_section(Cursor& cursor, const std::string& name) {
  auto row = std::ranges::find(section_rows, name, &SectionRow::name);
  if (row == std::end(section_rows)) return Error(501, "Unknown fetch item " + name + "[");
  TRY_DO(cursor.expect('['));
  FetchItem item;
  item.kind = row->kind;
  item.marks_seen = row->marks_seen;
  TRY(item.section, parse_section(cursor));
  // RFC 3516 section 7: a part's number, and nothing of it in particular.
  if (item.kind != Kind::Section && item.section.text != Section::Text::Whole) {
    return Error(501, name + " takes a part's number alone");
  }
  if (item.kind == Kind::BinarySize) return item;
  TRY(item.partial, parse_partial(cursor));
  return item;
}

Result<FetchItem> parse_item(Cursor& cursor) {
  TRY(auto name, cursor.keyword());
  if (cursor.at('[')) return parse_item_with_section(cursor, name);
  auto row = std::ranges::find(item_rows, name, &ItemRow::name);
  if (row == std::end(item_rows)) return Error(501, "Unknown fetch item " + name);
  auto item = item_of(*row);
  // RFC 8970 section 4.1; other parentheses may be those of the command's modifiers.
  if (item.kind == Kind::Preview && starts_with_nocase(cursor.rest(), " (LAZY)")) {
    TRY_DO(cursor.space());
    TRY_DO(parse_modifiers(cursor));
    item.is_lazy = true;
  }
  return item;
}

// RFC 7162 sections 3.1.4.1 and 3.2.6, RFC 9394 section 3.3.
Result<void> take_modifiers(Cursor& cursor, FetchRequest& request) {
  TRY(auto modifiers, parse_modifiers(cursor));
  for (const auto& modifier : modifiers) {
    if (modifier.name == "CHANGEDSINCE" && !request.changed_since) {
      TRY(request.changed_since, parse_modseq(modifier, 1, cursor.limits()));
    } else if (modifier.name == "PARTIAL" && !request.partial) {
      Cursor value(modifier.value, cursor.limits());
      TRY(request.partial, parse_partial_result(value));
      TRY_DO(value.end());
    } else if (modifier.name == "VANISHED" && modifier.value.empty()) {
      request.tells_vanished = true;
    } else {
      return Error(501, "Unknown FETCH modifier " + modifier.name);
    }
  }
  if (request.tells_vanished && !request.changed_since) {
    return Error(501, "VANISHED goes with CHANGEDSINCE only");
  }
  return {};
}

// RFC 9051 section 6.4.5: a macro stands alone, not in a list.
bool take_macro(Cursor& cursor, std::vector<FetchItem>& items) {
  static const MacroRow macros[] = {
      {"ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}},
      {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
      {"FULL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}},
  };
  for (const auto& macro : macros) {
    if (!cursor.skip_word(macro.name)) continue;
    for (auto name : macro.items)
      items.push_back(item_of(*std::ranges::find(item_rows, name, &ItemRow::name)));
    return true;
  }
  return false;
}

}  // namespace

Result<std::vector<FetchItem>> parse_fetch_items(Cursor& cursor) {
  std::vector<FetchItem> items;
  TRY_DO(cursor.expect('('));
  cursor.skip_spaces();
  do {
    if (items.size() == cursor.limits().list_items_max) return Error(501, "Too many fetch items");
    TRY(auto item, parse_item(cursor));
    items.push_back(std::move(item));
  } while (cursor.next_item());
  TRY_DO(cursor.expect(')'));
  return items;
}

Result<FetchRequest> parse_fetch(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  FetchRequest request;
  TRY_DO(cursor.space());
  TRY(request.messages, cursor.sequence_set());
  TRY_DO(cursor.space());
  if (cursor.at('(')) {
    TRY(request.items, parse_fetch_items(cursor));
  } else if (!take_macro(cursor, request.items)) {
    TRY(auto item, parse_item(cursor));
    request.items.push_back(std::move(item));
  }
  if (cursor.next_item()) {
    TRY_DO(take_modifiers(cursor, request));
  }
  TRY_DO(cursor.end());
  return request;
}

}  // namespace pennypost::imap
