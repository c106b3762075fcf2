// Parses the arguments of postmap(1) and postalias(1).
//
// SEE ALSO   postmap.cpp (what each option means)
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "smtpd/commands/message_keys.h"
#include "store/maps/build.h"

namespace pennypost::smtp {

/// What postmap and postalias do not have in common.
struct TableTool {
  std::string_view name;
  std::string_view flags;  // the options without an argument
  std::string_view usage;
  store::SourceSyntax syntax;
  std::string_view between;  // a key and its value, in what is written
};

struct TableCall {
  enum class Task { Build, Add, Ask, Remove, List };
  Task task = Task::Build;
  std::string key;                       // of -q or -d; `-`: they come from standard input
  std::optional<std::string> directory;  // -c
  store::BuildOptions build;
  MessageKeys keys_of;  // -h, -b, -m
  enum class Utf8 { Checked, NotChecked, CheckedOfMessagesToo };
  Utf8 utf8 = Utf8::Checked;  // -u, -U
  bool is_verbose = false;
  std::vector<std::string> tables;

  /// Whether a key, or a source, that is not UTF-8 is refused.
  bool checks_utf8() const;
};

/// Error: what is wrong with the call, with the tool's usage.
Result<TableCall> parse_table_call(const TableTool& tool, std::span<const std::string> args);

}  // namespace pennypost::smtp
