#include "smtpd/commands/message_keys.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/mime_scan.h"
#include "smtpd/policy/content_checks.h"

namespace pennypost::smtp {
namespace {

using Use = std::function<Result<void>(std::string_view key)>;

constexpr std::size_t fed_at_once_bytes = 256 * 1024;

/// Where the fields at the front of `text` end.
std::size_t fields_bytes(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    auto line = text.substr(at, end - at);
    bool goes_on = at > 0 && is_blank(line.front());
    if (!goes_on && !is_field_line(line)) break;
    at = end;
  }
  return at;
}

Result<void> each_field(std::string_view header, std::size_t bytes_max, const Use& use) {
  for (const auto& field : HeaderFields(header)) {
    TRY_DO(use(content_key(field, bytes_max)));
  }
  return {};
}

Result<void> each_line(std::string_view body, const Use& use) {
  while (!body.empty()) {
    auto line = take_content_line(body);
    TRY_DO(use(content_line(line)));
    body.remove_prefix(line.size());
  }
  return {};
}

}  // namespace

Result<void> each_key_of_message(std::string_view text, const MessageKeys& wanted,
                                 std::size_t field_bytes_max, const Use& use) {
  auto header = text.substr(0, fields_bytes(text));
  auto body = text.substr(header.size());
  if (wanted.header) {
    TRY_DO(each_field(header, field_bytes_max, use));
  }
  bool lacks_empty_line = !body.empty() && body.front() != '\n';
  if (wanted.body && lacks_empty_line) {
    TRY_DO(use(""));
  }
  if (!wanted.mime) return wanted.body ? each_line(body, use) : Result<void>();

  MimeScanner scanner(header, header.size(), wanted.body ? UINT64_MAX : 0);
  auto show = [&]() -> Result<void> {
    for (const auto& block : scanner.take()) {
      bool is_body = block.kind == MimeBlock::Kind::Body;
      if (is_body && wanted.body) {
        TRY_DO(each_line(block.text, use));
      }
      if (!is_body && wanted.header) {
        TRY_DO(each_field(block.text, field_bytes_max, use));
      }
    }
    return {};
  };
  while (!body.empty()) {
    auto piece = body.substr(0, fed_at_once_bytes);
    scanner.feed(piece);
    body.remove_prefix(piece.size());
    TRY_DO(show());
  }
  scanner.finish();
  return show();
}

}  // namespace pennypost::smtp
