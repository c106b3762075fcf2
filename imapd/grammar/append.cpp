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

// What stands before the mailbox. False: another command, or a REPLACE of nothing that could be a
// message.
bool take_name(Cursor& cursor, std::optional<ReplacedMessage>& replaced) {
  if (!cursor.space()) return false;
  if (cursor.skip_word("APPEND")) return static_cast<bool>(cursor.space());
  ReplacedMessage message;
  message.is_uid = cursor.skip_word("UID");
  if (message.is_uid && !cursor.space()) return false;
  if (!cursor.skip_word("REPLACE") || !cursor.space()) return false;
  auto set = cursor.sequence_set();
  if (!set || !set->names_one()) return false;
  message.number = *std::move(set);
  replaced = std::move(message);
  return static_cast<bool>(cursor.space());
}

}  // namespace

Result<AppendRequest> parse_append(std::string_view text, const Limits& limits) {
  text.remove_prefix(std::min(text.size(), text.find(' ')));
  Cursor cursor(text, limits);
  AppendRequest request;
  if (!take_name(cursor, request.replaced)) {
    return Error(501, "Expected APPEND, or REPLACE and a message");
  }
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
  std::optional<ReplacedMessage> replaced;
  // The literal may be the mailbox's name.
  if (!take_name(cursor, replaced) || !cursor.mailbox()) return false;
  TRY_DO(parse_message(cursor));
  return true;
}

}  // namespace pennypost::imap
