// Parses the text of a setting into its typed value: one notation for each kind of parameters.def.
//
// A kind K has `K::type` and `K::parse(text, range) -> Result<K::type>`; the Error's text says what
// is wrong and what would be right, without file and line. `$name` has been expanded already,
// except for Raw. Kinds that have a least and a greatest value say in `K::measure` what it is: a
// number, a size, a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limit.h"
#include "common/base/result.h"
#include "common/config/restrictions.h"
#include "common/config/types.h"

namespace pennypost {

/// The bounds of a setting: seconds, bytes, items, characters or the number itself; for a Choice
/// its words, separated by `|`; for a List the words that it may have, if they are few; for a
/// Duration the unit of a bare number (`d`), if it is not seconds.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
  const char* choices = nullptr;
};

/// The greatest length of a setting's text, and the most items in a list.
inline constexpr std::int64_t setting_bytes_max = 65536;
inline constexpr std::size_t list_items_max = 10000;

namespace kinds {

inline constexpr Range any{0, setting_bytes_max, nullptr};
constexpr Range between(std::int64_t min, std::int64_t max) { return Range{min, max, nullptr}; }
constexpr Range one_of(const char* choices) { return Range{0, setting_bytes_max, choices}; }
constexpr Range any_of(const char* choices, std::int64_t min = 0,
                       std::int64_t max = setting_bytes_max) {
  return Range{min, max, choices};
}

/// Any text of one line.
struct Text {
  using type = std::string;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// Text in which `$name` is expanded later, where it is used (mailbox_command, forward_path).
struct Raw : Text {};
/// One of a few words, in the row's spelling; empty if the default is derived.
struct Choice {
  using type = std::string;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// An absolute path, or empty; Dovecot's `</path` is accepted too.
struct Path {
  using type = std::string;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// yes or no; true and false are accepted.
struct Flag {
  using type = bool;
  static Result<type> parse(std::string_view text, const Range& range);
};
struct Number {
  using type = std::uint64_t;
  static constexpr std::string_view measure = "number";
  static Result<type> parse(std::string_view text, const Range& range);
};
/// A number that may be below 0.
struct SignedNumber {
  using type = std::int64_t;
  static constexpr std::string_view measure = Number::measure;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// A number beyond which there may be no more; 0: no limit.
struct CountLimit {
  using type = Limit;
  static constexpr std::string_view measure = Number::measure;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// A TCP port; 0: off, where the row allows it.
struct Port {
  using type = std::uint16_t;
  static constexpr std::string_view measure = Number::measure;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// `300s`, `5m`, `1h`, `1d`, `1w`; a bare number is seconds, or the row's unit.
struct Duration {
  using type = std::chrono::seconds;
  static constexpr std::string_view measure = "time";
  static Result<type> parse(std::string_view text, const Range& range);
};
/// `10240000`, `10k`, `10M`, `1G`, `1T`: powers of 1024.
struct Bytes {
  using type = std::uint64_t;
  static constexpr std::string_view measure = "size";
  static Result<type> parse(std::string_view text, const Range& range);
};
/// A size beyond which nothing may be; 0: no limit.
struct SizeLimit {
  using type = Limit;
  static constexpr std::string_view measure = Bytes::measure;
  static Result<type> parse(std::string_view text, const Range& range);
};
/// Items separated by commas and blanks; `{…}` encloses an item that contains them.
struct List {
  using type = std::vector<std::string>;
  static Result<type> parse(std::string_view text, const Range& range);
};
struct Table {
  using type = TableRef;
  static Result<type> parse(std::string_view text, const Range& range);
};
struct Tables {
  using type = std::vector<TableRef>;
  static Result<type> parse(std::string_view text, const Range& range);
};
struct Restrictions {
  using type = std::vector<Restriction>;
  static Result<type> parse(std::string_view text, const Range& range);
};
struct RoleName {
  using type = Role;
  static Result<type> parse(std::string_view text, const Range& range);
};

/// K::measure; empty for a kind that has none.
template <class K>
constexpr std::string_view measure_of() {
  if constexpr (requires { K::measure; }) {
    return K::measure;
  } else {
    return "";
  }
}

}  // namespace kinds

/// The items of a list: `a, b {c d} e` is a, b, {c d}, e. Error: unbalanced braces, too many items.
Result<std::vector<std::string>> list_items(std::string_view text);

/// The text of a duration in its largest whole unit: 300 s is `5m`.
std::string duration_text(std::chrono::seconds duration);

}  // namespace pennypost
