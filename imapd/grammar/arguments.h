// Reads the arguments of a command one after another: the steps that most parsers have in common.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "imapd/grammar/cursor.h"

namespace pennypost::imap {

/// Reads arguments into their places, a space before each. `read` is a method of Cursor, or a
/// function that takes one.
template <class Value, class Read, class... More>
Result<void> take(Cursor& cursor, Value& value, Read read, More&&... more) {
  TRY_DO(cursor.space());
  TRY(value, std::invoke(read, cursor));
  if constexpr (sizeof...(more) > 0) return take(cursor, std::forward<More>(more)...);
  return {};
}

/// The same for a command that has these arguments and no others.
template <class... Arguments>
Result<void> take_all(std::string_view text, const Limits& limits, Arguments&&... arguments) {
  Cursor cursor(text, limits);
  TRY_DO(take(cursor, std::forward<Arguments>(arguments)...));
  return cursor.end();
}

/// Reads the rest of a list whose `(` has been taken, to its `)`: `item` reads one member, spaces
/// stand between them.
template <class Item>
Result<void> rest_of_list(Cursor& cursor, Item item) {
  cursor.skip_spaces();
  while (!cursor.skip(')')) {
    TRY_DO(item());
    if (!cursor.at(')')) {
      TRY_DO(cursor.space());
    }
  }
  return {};
}

}  // namespace pennypost::imap
