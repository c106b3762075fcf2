#include "common/mail/binary_parts.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost {
namespace {

constexpr std::size_t base64_line_bytes = 76;

bool says_binary(const MimePart& part) {
  return part.encoding && equal_nocase(trim(*part.encoding), "binary");
}

// Makes the part's header say base64, and nothing else besides.
void say_base64(std::string_view message, const MimePart& part, std::vector<Edit>& edits) {
  std::string_view said = "Content-Transfer-Encoding: base64\r\n";
  for (const auto& field : HeaderFields(message.substr(part.header.offset, part.header.bytes))) {
    if (!field.is("Content-Transfer-Encoding")) continue;
    auto at = static_cast<std::size_t>(field.whole.data() - message.data());
    edits.push_back(Edit{at, field.whole.size(), std::string(said)});
    said = {};
  }
}

void encode(std::string_view message, const MimePart& part, std::vector<Edit>& edits) {
  for (const auto& child : part.children) encode(message, child, edits);
  auto body = message.substr(part.body.offset, part.body.bytes);
  if (!part.children.empty() || !says_binary(part) || is_made_of_lines(body)) return;
  say_base64(message, part, edits);
  edits.push_back(Edit{part.body.offset, part.body.bytes, base64_lines(body)});
}

}  // namespace

bool is_made_of_lines(std::string_view text) {
  char before = 0;
  for (char c : text) {
    if (c == '\0' || (c == '\n' && before != '\r')) return false;
    before = c;
  }
  return true;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

Result<std::string> encode_binary_parts(std::string_view message) {
  std::vector<Edit> edits;
  encode(message, parse_mime(message), edits);
  auto encoded = edited(message, edits);
  if (is_made_of_lines(encoded)) return encoded;
  return Error(550, "octets that are no text stand outside of parts that say they are binary");
}

std::string base64_lines(std::string_view bytes, std::string_view line_end) {
  // A multiple of three, so that there is no padding before the end.
  constexpr std::size_t group = base64_line_bytes / 4 * 3;
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(group, bytes.size()))) {
    out.append(base64_encode(bytes.substr(0, group))).append(line_end);
  }
  return out;
}

}  // namespace pennypost
