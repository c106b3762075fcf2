#include "popd/ascii_parts.h"

#include "common/base/text.h"
#include "common/mail/header.h"
#include "popd/ascii_header.h"

namespace pennypost::pop {

bool AsciiParts::has_parts(std::string_view header) {
  for (const auto& field : HeaderFields(header)) {
    if (!field.is("Content-Type")) continue;
    auto value = field.value();
    auto type = trim(value);
    if (starts_with_nocase(type, "multipart/") || starts_with_nocase(type, "message/")) return true;
  }
  return false;
}

std::string AsciiParts::converted(std::string_view piece, bool is_last) {
  scanner_.feed(piece);
  if (is_last) scanner_.finish();
  std::string out;
  for (auto& block : scanner_.take()) {
    auto text = block.kind == MimeBlock::Kind::Body ? std::nullopt : ascii_header(block.text);
    out += text ? *text : block.text;
  }
  return out;
}

}  // namespace pennypost::pop
