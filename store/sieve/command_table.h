// The table of Sieve's commands and tests: what each may be given, which extension it needs, who
// runs it.
//
// The parser knows no command; the checker holds what was parsed against these rows, and the
// interpreter calls their handlers. A new command is a row, a handler (handlers.h) and, if its
// constants can be checked before a run, a check (argument_checks.h).
//
// STANDARDS  RFC 5228 sections 2.6 and 2.7
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "store/sieve/extensions.h"

namespace pennypost::store::sieve {

struct Command;
class Run;
class Checking;

enum class ArgumentKind : std::uint8_t {
  None,
  String,
  StringList,      // a single string is a list of one
  OptionalString,  // left out if there are fewer arguments than the row has
  OptionalList,
  Number,
};

enum class Tag : std::uint8_t {
  Addresses,
  All,
  AnyChild,
  Comparator,
  Contains,
  Content,
  ContentType,
  Copy,
  Count,
  Create,
  Days,
  Detail,
  Domain,
  EncodeUrl,
  First,
  Flags,
  From,
  Global,
  Handle,
  Header,
  Importance,
  Index,
  Input,
  Is,
  Last,
  Length,
  List,
  LocalPart,
  Lower,
  LowerFirst,
  Matches,
  Message,
  Mime,
  Name,
  Once,
  Optional,
  Options,
  OriginalZone,
  Output,
  Over,
  Param,
  Percent,
  Personal,
  Pipe,
  QuoteRegex,
  QuoteWildcard,
  Raw,
  Regex,
  Seconds,
  SpecialUse,
  Subject,
  Subtype,
  Text,
  Try,
  Type,
  Under,
  UniqueId,
  Upper,
  UpperFirst,
  User,
  Value,
  Zone,
};

/// Of the tags of one group a command may have one; Own: the tag is a group by itself.
enum class TagGroup : std::uint8_t {
  Own,
  Match,
  AddressPart,
  Transform,
  Size,
  Zone,
  Case,
  FirstCase,
  Quote,
  Period,
  MimePart,
  DuplicateKey,
  Location,
  Input,
};

struct TagRow {
  std::string_view name;
  Tag tag;
  TagGroup group = TagGroup::Own;
  ArgumentKind value = ArgumentKind::None;
  Extension extension = Extension::None;
};

enum class CommandKind : std::uint8_t { Act, Require, If, ElseIf, Else, ForEveryPart, Test };
enum class TestsWanted : std::uint8_t { None, One, List };

using ActionHandler = Result<void> (*)(Run& run, const Command& command);
using TestHandler = Result<bool> (*)(Run& run, const Command& test);
using ArgumentCheck = void (*)(Checking& checking, Command& command);

struct CommandRow {
  std::string_view name;
  Extension extension = Extension::None;
  CommandKind kind = CommandKind::Act;
  std::array<ArgumentKind, 3> arguments{};
  std::array<std::span<const TagRow>, 4> tags{};
  ArgumentCheck check = nullptr;
  ActionHandler action = nullptr;
  TestHandler test = nullptr;
  TestsWanted tests = TestsWanted::None;

  bool is_test() const { return kind == CommandKind::Test; }
  /// Some commands tell as a test whether they could be done.
  bool may_be_test() const { return test != nullptr; }
  bool takes_block() const {
    return kind == CommandKind::If || kind == CommandKind::ElseIf || kind == CommandKind::Else ||
           kind == CommandKind::ForEveryPart;
  }
  /// Null if the command has no such tag; `name` in lower case.
  const TagRow* find_tag(std::string_view name) const;
};

/// All rows, sorted by name.
std::span<const CommandRow> command_rows();
/// Null if there is no such command or test; `name` in lower case.
const CommandRow* find_command(std::string_view name);

}  // namespace pennypost::store::sieve
