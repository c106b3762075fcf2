// Parses a Sieve script into commands with arguments, tests and blocks; knows no command by name.
//
//   commands  = *command
//   command   = identifier arguments (";" / block)
//   arguments = *argument [test / test-list]
//   argument  = string-list / number / tag
//   test      = identifier arguments
//   test-list = "(" test *("," test) ")"
//   block     = "{" commands "}"
//
// The first mistake of the grammar ends parsing: what follows it can't be told from a guess.
//
// LIMITS     script_bytes_max, block_nesting_max, test_nesting_max, commands_max, tests_max,
//            arguments_max, string_list_max
// STANDARDS  RFC 5228 section 8.2
// SEE ALSO   checker.h (what the commands mean)
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/sieve/mistake.h"

namespace pennypost::store::sieve {

/// A string as written, after its quotes and escapes are resolved.
struct WrittenString {
  std::string text;
  Position at;
};

struct WrittenArgument {
  enum class Kind { Tag, Number, String, StringList };
  Kind kind = Kind::Tag;
  Position at;
  std::string tag;  // in lower case, without the colon
  std::uint64_t number = 0;
  std::vector<WrittenString> strings;
};

/// A command or a test.
struct WrittenCommand {
  std::string name;  // in lower case
  Position at;
  std::vector<WrittenArgument> arguments;
  std::vector<WrittenCommand> tests;
  bool has_test_list = false;  // in parentheses
  bool has_block = false;
  std::vector<WrittenCommand> block;
};

struct ParsedScript {
  std::vector<WrittenCommand> commands;
  Mistakes mistakes;  // at most one; then `commands` is empty
};

ParsedScript parse_script(std::string_view script);

}  // namespace pennypost::store::sieve
