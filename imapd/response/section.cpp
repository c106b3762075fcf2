#include "imapd/response/section.h"

#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

std::string_view name_of(Section::Text text) {
  switch (text) {
    case Section::Text::Whole:
      return "";
    case Section::Text::Header:
      return "HEADER";
    case Section::Text::HeaderFields:
      return "HEADER.FIELDS";
    case Section::Text::HeaderFieldsNot:
      return "HEADER.FIELDS.NOT";
    case Section::Text::Text:
      return "TEXT";
    case Section::Text::Mime:
      return "MIME";
  }
  return "";
}

}  // namespace

void append_section_text(std::string& out, const Section& section) {
  const char* before = "";
  for (auto number : section.part) {
    out += before + std::to_string(number);
    before = ".";
  }
  if (section.text != Section::Text::Whole) {
    out += before;
    out += name_of(section.text);
  }
  if (section.fields.empty()) return;
  before = " (";
  for (const auto& field : section.fields) {
    out += before;
    append_astring(out, field);
    before = " ";
  }
  out += ')';
}

}  // namespace pennypost::imap
