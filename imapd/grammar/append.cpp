#include "imapd/grammar/append.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

using Kind = AppendStep::Kind;

class Reader {
 public:
  Reader(Cursor& cursor, AppendPlace place) : cursor_(cursor) { steps_.place = place; }

  /// Reads to the header of a literal, or to the end.
  Result<AppendSteps> read() {
    auto& place = steps_.place;
    // A message without one of the last two stands before the end of the command alone.
    while (!is_at_literal_ && (!cursor_.at_end() || place.is_within_message())) {
      if (place.in_utf8) {
        TRY_DO(end_of_utf8());
      } else if (place.in_parts) {
        TRY_DO(part());
      } else {
        TRY_DO(message());
      }
    }
    return std::move(steps_);
  }
  /// The literal is the text of a URL.
  bool is_at_argument() const { return is_at_argument_; }

 private:
  AppendStep& add(Kind kind) {
    steps_.steps.emplace_back().kind = kind;
    return steps_.steps.back();
  }
  std::optional<LiteralHeader> header() const {
    auto header = literal_at_end(cursor_.rest());
    if (header && header->header_bytes != cursor_.rest().size()) header.reset();
    return header;
  }

  // SP [flag-list SP] [date-time SP] append-data, of which a literal's octets are not here.
  Result<void> message() {
    auto& begin = add(Kind::Begin);
    TRY_DO(cursor_.space());
    if (cursor_.at('(')) {
      TRY(begin.flags, cursor_.flag_list());
      TRY_DO(cursor_.space());
    }
    if (cursor_.at('"')) {
      TRY(auto text, cursor_.quoted());
      begin.internal_date = parse_imap_date_time(text);
      if (!begin.internal_date) return invalid_date(text, "\" 3-Feb-2025 18:28:47 +0000\"");
      TRY_DO(cursor_.space());
    }
    if (cursor_.skip_word("CATENATE")) {
      TRY_DO(cursor_.space());
      TRY_DO(cursor_.expect('('));
      steps_.place.in_parts = true;
      return first_part();
    }
    if (cursor_.skip_word("UTF8")) return utf8();
    return literal("Expected the message as a literal");
  }

  // ` part`, or the `)` behind the last.
  Result<void> part() {
    if (cursor_.skip(')')) {
      steps_.place.in_parts = false;
      add(Kind::End);
      return {};
    }
    TRY_DO(cursor_.space());
    return first_part();
  }

  Result<void> first_part() {
    if (cursor_.skip_word("TEXT")) {
      TRY_DO(cursor_.space());
      return literal("Expected a literal after TEXT");
    }
    if (cursor_.skip_word("UTF8")) return utf8();
    if (!cursor_.skip_word("URL")) return Error(501, "Expected URL or TEXT");
    TRY_DO(cursor_.space());
    is_at_literal_ = is_at_argument_ = header().has_value();
    if (is_at_argument_) return {};
    TRY(auto url, cursor_.astring());
    add(Kind::Url).url = std::move(url);
    return {};
  }

  // SP "(" literal8 ")", whose `)` comes with the next text.
  Result<void> utf8() {
    TRY_DO(cursor_.space());
    TRY_DO(cursor_.expect('('));
    TRY_DO(literal("Expected a literal8 in UTF8"));
    auto& step = steps_.steps.back();
    if (!step.literal.binary) return Error(501, "Expected a literal8 in UTF8");
    step.is_utf8 = steps_.place.in_utf8 = true;
    return {};
  }

  Result<void> end_of_utf8() {
    TRY_DO(cursor_.expect(')'));
    steps_.place.in_utf8 = false;
    if (!steps_.place.in_parts) add(Kind::End);
    return {};
  }

  Result<void> literal(std::string_view otherwise) {
    auto found = header();
    if (!found) return Error(501, std::string(otherwise));
    add(Kind::Literal).literal = *found;
    is_at_literal_ = true;
    return {};
  }

  Cursor& cursor_;
  AppendSteps steps_;
  bool is_at_literal_ = false;
  bool is_at_argument_ = false;
};

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
  if (cursor.at_end()) return Error(501, "Expected a message behind the mailbox");
  TRY(request.message, Reader(cursor, {}).read());
  return request;
}

Result<AppendSteps> parse_append_next(std::string_view text, AppendPlace place,
                                      const Limits& limits) {
  Cursor cursor(text, limits);
  return Reader(cursor, place).read();
}

Result<AnnouncedLiteral> announced_literal(std::string_view text,
                                           const std::optional<AppendPlace>& place,
                                           const Limits& limits) {
  AnnouncedLiteral announced;
  if (!place) {
    text.remove_prefix(std::min(text.size(), text.find(' ')));
  }
  Cursor cursor(text, limits);
  std::optional<ReplacedMessage> replaced;
  // The literal may be the mailbox's name.
  bool is_append = place || (take_name(cursor, replaced) && cursor.mailbox());
  if (!is_append) return announced;
  Reader reader(cursor, place.value_or(AppendPlace()));
  TRY(auto steps, reader.read());
  announced.is_message = !reader.is_at_argument();
  announced.place = steps.place;
  return announced;
}

}  // namespace pennypost::imap
