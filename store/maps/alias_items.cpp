#include "store/maps/alias_items.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

// The position after the closing quote of the string that begins at `at`; npos if it is not closed.
std::size_t quote_end(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.npos;
}

std::size_t comment_end(std::string_view text, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && --depth == 0) {
      return i + 1;
    }
  }
  return text.npos;
}

std::string unquoted(std::string_view quoted) {
  std::string text;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 2 < quoted.size()) ++i;
    text += quoted[i];
  }
  return text;
}

// Removes one item from the front, up to its comma and without comments.
Result<std::string> take_item(std::string_view& rest) {
  std::string item;
  std::size_t i = 0;
  bool in_brackets = false;
  while (i < rest.size() && (rest[i] != ',' || in_brackets)) {
    std::size_t end = i + 1;
    if (rest[i] == '"') {
      end = quote_end(rest, i);
      if (end == rest.npos) return Error::temporary("a quote is not closed");
    } else if (rest[i] == '(') {
      end = comment_end(rest, i);
      if (end == rest.npos) return Error::temporary("a parenthesis is not closed");
      i = end;
      continue;
    } else if (rest[i] == '\\' && i + 1 < rest.size()) {
      end = i + 2;
    } else if (rest[i] == '<') {
      in_brackets = true;
    } else if (rest[i] == '>') {
      in_brackets = false;
    }
    item += rest.substr(i, end - i);
    i = end;
  }
  if (in_brackets) return Error::temporary("a < is not closed");
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return std::string(trim(item));
}

Result<AliasItem> classify(std::string item) {
  bool is_quoted = item.starts_with('"') && quote_end(item, 0) == item.size();
  std::string inner = is_quoted ? unquoted(item) : item;
  constexpr std::string_view include = ":include:";
  if (inner.starts_with('|')) {
    std::string command(trim(std::string_view(inner).substr(1)));
    if (command.empty()) return Error::temporary("there is no command after |");
    return AliasItem{AliasItem::Kind::Command, std::move(command)};
  }
  if (inner.starts_with('/')) return AliasItem{AliasItem::Kind::File, std::move(inner)};
  if (starts_with_nocase(inner, include)) {
    std::string path(trim(std::string_view(inner).substr(include.size())));
    if (!path.starts_with('/')) return Error::temporary(":include: needs an absolute path");
    return AliasItem{AliasItem::Kind::Include, std::move(path)};
  }
  // `Ann <ann@example.org>` and `<ann@example.org>` both mean the address.
  if (item.ends_with('>')) {
    auto open = item.rfind('<');
    if (open == item.npos) return Error::temporary("a > without a <");
    item = std::string(trim(std::string_view(item).substr(open + 1, item.size() - open - 2)));
    if (item.empty()) return Error::temporary("an empty address in <>");
  }
  return AliasItem{AliasItem::Kind::Address, std::move(item)};
}

// Where the word that begins at `at` ends; white space in quotes is part of it.
std::size_t word_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !is_space(text[at])) {
    if (text[at] == '"') {
      at = std::min(quote_end(text, at), text.size());
    } else {
      at += text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
    }
  }
  return at;
}

// Splits the text between two commas at its blanks. RFC 5322 section 4.4 allows blanks around an @,
// and sendmail and Postfix accept `:include: /file`.
std::vector<std::string> part_at_blanks(std::string_view text) {
  std::vector<std::string> parts;
  bool goes_on = false;
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = word_end(text, at);
    auto word = text.substr(at, end - at);
    if (!parts.empty() && (goes_on || word.starts_with('@'))) {
      parts.back() += word;
    } else {
      parts.emplace_back(word);
    }
    goes_on = word.ends_with('@') || word.ends_with(":include:");
    at = end;
  }
  return parts;
}

// Commands and display names may contain blanks.
bool is_whole(std::string_view item) {
  return item.starts_with('|') || item.find('<') != item.npos || item.ends_with('>');
}

Result<void> append_items(std::string_view rest, std::vector<AliasItem>& items) {
  while (!rest.empty()) {
    TRY(auto text, take_item(rest));
    auto parts = is_whole(text) ? std::vector{std::move(text)} : part_at_blanks(text);
    for (auto& part : parts) {
      if (part.empty()) continue;
      TRY(auto item, classify(std::move(part)));
      if (items.size() == alias_items_max) {
        return Error::temporary("more than " + std::to_string(alias_items_max) + " items");
      }
      items.push_back(std::move(item));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<AliasItem>> parse_alias_items(std::string_view value) {
  std::vector<AliasItem> items;
  TRY_DO(append_items(value, items));
  return items;
}

Result<std::vector<AliasItem>> parse_alias_file(std::string_view text, const std::string& file) {
  std::vector<AliasItem> items;
  LogicalLines lines(text);
  while (auto line = lines.next()) {
    auto appended = append_items(line->text, items);
    if (!appended) return source_error(file, line->number, appended.error().text());
  }
  return items;
}

}  // namespace pennypost::store
