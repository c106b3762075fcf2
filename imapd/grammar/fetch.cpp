#include "imapd/grammar/fetch.h"

#include <algorithm>

#include "common/base/text.h"

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

// section-spec up to and with its `]`.
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

Result<FetchItem> parse_item(Cursor& cursor) {
  TRY(auto name, cursor.keyword());
  if (cursor.at('[') && (name == "BODY" || name == "BODY.PEEK")) {
    cursor.skip('[');
    FetchItem item;
    item.kind = Kind::Section;
    item.marks_seen = name == "BODY";
    TRY(item.section, parse_section(cursor));
    if (cursor.skip('<')) {
      Partial partial;
      TRY(partial.offset, cursor.number64());
      TRY_DO(cursor.expect('.'));
      TRY(partial.count, cursor.number64());
      if (partial.count == 0) return Error(501, "A partial of no bytes");
      TRY_DO(cursor.expect('>'));
      item.partial = partial;
    }
    return item;
  }
  auto row = std::ranges::find(item_rows, name, &ItemRow::name);
  if (row == std::end(item_rows)) return Error(501, "Unknown fetch item " + name);
  return item_of(*row);
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

Result<FetchRequest> parse_fetch(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  FetchRequest request;
  TRY_DO(cursor.space());
  TRY(request.messages, cursor.sequence_set());
  TRY_DO(cursor.space());
  if (cursor.skip('(')) {
    cursor.skip_spaces();
    do {
      if (request.items.size() == limits.list_items_max) return Error(501, "Too many fetch items");
      TRY(auto item, parse_item(cursor));
      request.items.push_back(std::move(item));
    } while (cursor.next_item());
    TRY_DO(cursor.expect(')'));
  } else if (!take_macro(cursor, request.items)) {
    TRY(auto item, parse_item(cursor));
    request.items.push_back(std::move(item));
  }
  if (cursor.next_item()) {
    TRY(request.modifiers, parse_modifiers(cursor));
  }
  TRY_DO(cursor.end());
  return request;
}

}  // namespace pennypost::imap
