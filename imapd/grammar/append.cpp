#include "imapd/grammar/append.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

// SP [flag-list SP] [date-time SP] literal, of which only the header is here.
Result<AppendMessage> parse_message(Cursor& cursor) {
  AppendMessage message;
  TRY_DO(cursor.space());
  if (cursor.at('(')) {
    TRY(message.flags, cursor.flag_list());
    TRY_DO(cursor.space());
  }
  if (cursor.at('"')) {
    TRY(auto text, cursor.quoted());
    message.internal_date = parse_imap_date_time(text);
    if (!message.internal_date) return invalid_date(text, "\" 3-Feb-2025 18:28:47 +0000\"");
    TRY_DO(cursor.space());
  }
  auto header = literal_at_end(cursor.rest());
  if (!header || header->header_bytes != cursor.rest().size()) {
    return Error(501, "Expected the message as a literal");
  }
  message.literal = *header;
  return message;
}

}  // namespace

Result<AppendRequest> parse_append(std::string_view text, const Limits& limits) {
  text.remove_prefix(std::min(text.size(), text.find(' ')));
  Cursor cursor(text, limits);
  AppendRequest request;
  TRY_DO(cursor.space());
  if (!cursor.skip_word("APPEND")) return Error(501, "Expected APPEND");
  TRY_DO(cursor.space());
  TRY(request.mailbox, cursor.mailbox());
  TRY(request.message, parse_message(cursor));
  return request;
}

Result<std::optional<AppendMessage>> parse_append_next(std::string_view text,
                                                       const Limits& limits) {
  if (text.empty()) return std::optional<AppendMessage>();
  Cursor cursor(text, limits);
  TRY(auto message, parse_message(cursor));
  return std::optional<AppendMessage>(std::move(message));
}

Result<bool> announces_message(std::string_view text, bool continues, const Limits& limits) {
  if (continues) {
    TRY(auto next, parse_append_next(text, limits));
    return next.has_value();
  }
  text.remove_prefix(std::min(text.size(), text.find(' ')));
  Cursor cursor(text, limits);
  bool is_append = cursor.space() && cursor.skip_word("APPEND") && cursor.space();
  // The literal may be the mailbox's name.
  if (!is_append || !cursor.mailbox()) return false;
  TRY_DO(parse_message(cursor));
  return true;
}

}  // namespace pennypost::imap
