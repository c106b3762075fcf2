// Script: a checked Sieve script, a tree that can be run any number of times.
//
// SEE ALSO   checker.h (makes it), interpreter.h (runs it), command_table.h (its rows)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/sieve/command_table.h"
#include "store/sieve/extensions.h"
#include "store/sieve/mistake.h"
#include "store/sieve/regex.h"

namespace pennypost::store::sieve {

/// A string; with `has_variables` it is expanded whenever it is used.
struct Text {
  std::string text;
  bool has_variables = false;
  Position at;
};

struct Argument {
  ArgumentKind kind = ArgumentKind::None;  // None: an optional one that is absent
  Position at;
  std::uint64_t number = 0;
  std::vector<Text> strings;

  bool is_given() const { return kind != ArgumentKind::None; }
};

struct TagValue {
  const TagRow* row = nullptr;
  Argument value;
};

/// RFC 5228 section 2.7.3, RFC 4790
enum class Comparator : std::uint8_t { AsciiCasemap, Octet, UnicodeCasemap, AsciiNumeric };
/// RFC 5228 section 2.7.1; Count and Value: RFC 5231; List: RFC 6134
enum class MatchType : std::uint8_t { Is, Contains, Matches, Count, Value, Regex, List };
/// RFC 5231 section 4.1
enum class Relation : std::uint8_t { Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual };

struct MatchRule {
  MatchType type = MatchType::Is;
  Comparator comparator = Comparator::AsciiCasemap;
  Relation relation = Relation::Equal;
  /// For MatchType::Regex, beside each key; null where the key has variables.
  std::vector<std::shared_ptr<const Regex>> patterns;
};

/// A command or a test.
struct Command {
  const CommandRow* row = nullptr;
  Position at;
  std::vector<TagValue> tags;
  std::vector<Argument> arguments;  // as many as the row has
  std::vector<Command> tests;
  std::vector<Command> block;
  MatchRule match;

  bool has(Tag tag) const { return find(tag) != nullptr; }
  /// The tag's value; null if the tag is absent.
  const Argument* find(Tag tag) const;
  /// Which tag of the group is given; nothing if none is.
  std::optional<Tag> of_group(TagGroup group) const;
};

struct Script {
  std::vector<Command> commands;
  Extensions extensions;                    // that it requires
  Extensions offered = usual_extensions();  // that it could require
};

}  // namespace pennypost::store::sieve
