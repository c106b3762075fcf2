#include "imapd/client/answers.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "imapd/grammar/cursor.h"

namespace pennypost::imap {
namespace {

void advance(Cursor& cursor, std::size_t octets) {
  for (; octets > 0; --octets) cursor.skip(cursor.rest().front());
}

/// `(\Seen $Work)`. Servers put into flags what no client may: all but blanks and `)` is taken.
Result<std::vector<std::string>> names_in_list(Cursor& cursor) {
  TRY_DO(cursor.expect('('));
  auto end = cursor.rest().find(')');
  if (end == std::string_view::npos) return Error(501, "Expected the end of a list");
  auto found = words(cursor.rest().substr(0, end), " ");
  if (found.size() > cursor.limits().list_items_max) return Error(501, "Too long a list");
  std::vector<std::string> names(found.begin(), found.end());
  advance(cursor, end + 1);
  return names;
}

/// Passes over a value that was not asked for: a list, a string or an atom.
Result<void> skip_value(Cursor& cursor) {
  std::size_t depth = 0;
  do {
    cursor.skip_spaces();
    if (cursor.skip('(')) {
      if (++depth > answer_nesting_max) return Error(501, "Too deep a nesting");
    } else if (depth > 0 && cursor.skip(')')) {
      --depth;
    } else if (cursor.at('"') || cursor.at('{') || cursor.at('~')) {
      TRY_DO(cursor.string());
    } else {
      auto end = std::min(cursor.rest().find_first_of(" ()\"{"), cursor.rest().size());
      if (end == 0) return Error(501, "Expected a value");
      advance(cursor, end);
    }
  } while (depth > 0);
  return {};
}

/// An item's name with its section: `BODY[HEADER.FIELDS (TO)]<0>`; in upper case.
Result<std::string> item_name(Cursor& cursor) {
  auto text = cursor.rest();
  auto end = text.find_first_of(" ()");
  auto bracket = text.find('[');
  if (bracket < end) {
    auto close = text.find(']', bracket);
    end = close == std::string_view::npos ? close : text.find_first_of(" ()", close);
  }
  if (end == std::string_view::npos || end == 0) return Error(501, "Expected an item of FETCH");
  auto name = upper(text.substr(0, end));
  advance(cursor, end);
  return name;
}

Result<void> take_item(Cursor& cursor, const std::string& name, FetchedMessage& message) {
  if (name == "UID") {
    TRY(message.uid, cursor.nz_number());
  } else if (name == "RFC822.SIZE") {
    TRY(message.octets, cursor.number64());
  } else if (name == "FLAGS") {
    TRY(message.flags, names_in_list(cursor));
  } else if (name == "INTERNALDATE") {
    TRY(auto text, cursor.nstring());
    auto date = text ? parse_imap_date_time(*text) : std::nullopt;
    if (date) message.date = date->seconds;
  } else if (name == "BODY[]") {
    TRY(message.text, cursor.nstring());
  } else {
    TRY_DO(skip_value(cursor));
  }
  return {};
}

/// `(("INBOX." ".")("#x" "."))` or NIL: the prefixes.
Result<std::vector<std::string>> prefixes(Cursor& cursor) {
  std::vector<std::string> found;
  if (cursor.skip_word("NIL")) return found;
  TRY_DO(cursor.expect('('));
  while (!cursor.skip(')')) {
    cursor.skip_spaces();
    TRY_DO(cursor.expect('('));
    TRY(auto prefix, cursor.string());
    found.push_back(std::move(prefix));
    if (found.size() > cursor.limits().list_items_max) return Error(501, "Too long a list");
    while (!cursor.skip(')')) {
      TRY_DO(skip_value(cursor));
      cursor.skip_spaces();
    }
  }
  return found;
}

}  // namespace

bool ListedFolder::has(std::string_view attribute) const {
  return std::ranges::any_of(attributes,
                             [&](const std::string& one) { return equal_nocase(one, attribute); });
}

Result<ListedFolder> parse_listed(std::string_view answer, const Limits& limits) {
  Cursor cursor(answer, limits);
  if (!cursor.skip_word("LIST") && !cursor.skip_word("LSUB")) return Error(501, "Expected LIST");
  ListedFolder folder;
  TRY_DO(cursor.space());
  TRY(folder.attributes, names_in_list(cursor));
  TRY_DO(cursor.space());
  TRY(auto separator, cursor.nstring());
  if (separator && separator->size() > 1)
    return Error(501, "Expected one character between levels");
  if (separator && !separator->empty()) folder.separator = separator->front();
  TRY_DO(cursor.space());
  TRY(folder.name, cursor.list_mailbox());
  return folder;
}

Result<std::optional<FetchedMessage>> parse_fetched(std::string_view answer, const Limits& limits) {
  Cursor cursor(answer, limits);
  std::optional<FetchedMessage> message;
  if (!cursor.nz_number() || !cursor.skip(' ') || !cursor.skip_word("FETCH")) return message;
  message.emplace();
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  while (!cursor.skip(')')) {
    cursor.skip_spaces();
    TRY(auto name, item_name(cursor));
    TRY_DO(cursor.space());
    TRY_DO(take_item(cursor, name, *message));
    cursor.skip_spaces();
  }
  return message;
}

Result<Namespaces> parse_namespaces(std::string_view answer, const Limits& limits) {
  Cursor cursor(answer, limits);
  if (!cursor.skip_word("NAMESPACE")) return Error(501, "Expected NAMESPACE");
  Namespaces spaces;
  TRY_DO(cursor.space());
  TRY(auto own, prefixes(cursor));
  if (!own.empty()) spaces.prefix = own.front();
  for (int kind = 0; kind < 2; ++kind) {
    TRY_DO(cursor.space());
    TRY(auto found, prefixes(cursor));
    for (auto& prefix : found) {
      // An empty one would be that of every folder.
      if (!prefix.empty()) spaces.others.push_back(std::move(prefix));
    }
  }
  return spaces;
}

std::vector<std::string> parse_capabilities(std::string_view answer) {
  std::vector<std::string> found;
  for (auto word : words(answer, " ")) {
    if (!equal_nocase(word, "CAPABILITY")) found.push_back(upper(word));
  }
  return found;
}

std::optional<std::uint32_t> number_in_code(std::string_view answer, std::string_view code) {
  auto open = answer.find('[');
  auto close = answer.find(']', std::min(open, answer.size()));
  if (close == std::string_view::npos) return std::nullopt;
  auto inside = words(answer.substr(open + 1, close - open - 1), " ");
  if (inside.size() != 2 || !equal_nocase(inside[0], code)) return std::nullopt;
  auto number = parse_number(inside[1]);
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

bool is_state(std::string_view answer) {
  constexpr std::array states{std::string_view("OK"), std::string_view("NO"),
                              std::string_view("BAD"), std::string_view("BYE"),
                              std::string_view("PREAUTH")};
  auto first = answer.substr(0, answer.find(' '));
  return std::ranges::any_of(states,
                             [&](std::string_view state) { return equal_nocase(first, state); });
}

}  // namespace pennypost::imap
