// The test `body`: searches the text of a message, decoded or as it is.
//
// :text, the default, looks at the text parts as UTF-8, at HTML without its tags; :content at the
// parts of the given types; :raw at the whole body as it is. Of a multipart :content sees what
// stands before and after its parts, of a message/rfc822 the header of the message within.
//
// STANDARDS  RFC 5173
#include <functional>

#include "common/base/text.h"
#include "common/mail/binary_parts.h"
#include "common/mail/header.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"
#include "store/sieve/part_text.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {
namespace {

/// RFC 5173 section 5.2: "" means all types, "text" all of that type, "text/html" only that; what
/// has more slashes, or one at its begin or end, means none.
bool is_wanted(const MimePart& part, const std::vector<std::string>& types) {
  for (const auto& type : types) {
    auto slash = type.find('/');
    if (type.empty()) return true;
    if (slash == std::string::npos && equal_nocase(type, part.type)) return true;
    bool is_type = slash != std::string::npos && type.find('/', slash + 1) == std::string::npos;
    if (is_type && part.is(type.substr(0, slash), type.substr(slash + 1))) return true;
  }
  return false;
}

/// What stands around the parts of a multipart, without the boundaries' lines.
std::vector<std::string> around_parts(std::string_view message, const MimePart& part) {
  const auto& first = part.children.front().header;
  const auto& last = part.children.back().body;
  auto before = message.substr(part.body.offset, first.offset - part.body.offset);
  while (before.ends_with('\n')) before.remove_suffix(1);
  auto boundary = before.rfind('\n');
  auto end = part.body.offset + part.body.bytes;
  auto after = message.substr(last.offset + last.bytes, end - last.offset - last.bytes);
  auto line_end = after.find('\n', std::min<std::size_t>(2, after.size()));
  return {std::string(before.substr(0, boundary == std::string_view::npos ? 0 : boundary)),
          std::string(line_end == std::string_view::npos ? "" : after.substr(line_end + 1))};
}

std::vector<std::string> content_of(std::string_view message, const MimePart& part) {
  if (part.kind == MimePart::Kind::Multipart) return around_parts(message, part);
  if (part.kind == MimePart::Kind::Message) {
    const auto& inner = part.children.front().header;
    auto header = message.substr(inner.offset, inner.bytes);
    auto line_end = header.ends_with("\r\n") ? 2U : header.ends_with('\n') ? 1U : 0U;
    return {std::string(header.substr(0, header.size() - line_end))};
  }
  return {part_text(message, part)};
}

/// What the test looks at; nothing: not at this part.
using Look = std::function<std::vector<std::string>(const MimePart& part)>;

Result<bool> search(Run& run, Matching& matching, const MimePart& part, const Look& look) {
  TRY_DO(run.spend(1));
  for (const auto& text : look(part)) {
    TRY(bool is_match, matching.value(matching.has_lines() ? with_crlf(text) : text));
    if (is_match) return true;
  }
  for (const auto& child : part.children) {
    TRY(bool is_match, search(run, matching, child, look));
    if (is_match) return true;
  }
  return false;
}

}  // namespace

Result<bool> body(Run& run, const Command& test) {
  Matching matching(run, test);
  matching.leave_match_variables();
  auto text = run.message().text();
  auto header_size = header_bytes(text);
  // RFC 5173 section 3: a message without even an empty line behind its header has no body.
  bool has_body = header_size < text.size() || text.ends_with("\n\n") || text.ends_with("\n\r\n");
  if (!has_body) return false;
  if (test.has(Tag::Raw)) {
    std::string raw(text.substr(header_size));
    TRY(bool is_match, matching.value(matching.has_lines() ? with_crlf(raw) : raw));
    if (is_match) return true;
    return matching.end();
  }
  std::vector<std::string> types;
  const auto* content = test.find(Tag::Content);
  if (content != nullptr) {
    for (const auto& type : content->strings) types.push_back(run.text(type));
  }
  Look look = [&](const MimePart& part) -> std::vector<std::string> {
    bool is_looked_at = content != nullptr ? is_wanted(part, types) : is_searchable_text(part);
    if (!is_looked_at) return {};
    if (content != nullptr) return content_of(text, part);
    return {searchable_text(text, part)};
  };
  TRY(bool is_match, search(run, matching, run.message().root(), look));
  if (is_match) return true;
  return matching.end();
}

}  // namespace pennypost::store::sieve
