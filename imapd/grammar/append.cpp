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
    if (!message.internal_date) return Error(501, "Invalid date and time");
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

bool is_first_message(std::string_view text, const Limits& limits) {
  auto name = text.find_first_not_of(' ', text.find(' '));
  if (name == std::string_view::npos) return false;
  if (!starts_with_nocase(text.substr(name), "APPEND ")) return false;
  return parse_append(text, limits).has_value();
}

bool is_next_message(std::string_view text, const Limits& limits) {
  return parse_append_next(text, limits).has_value();
}

}  // namespace pennypost::imap
