// Reads the source of a table, as postmap, newaliases and texthash: do, into entries with line
// numbers.
//
//   logical line = a line that does not begin with white space, and the following lines that do;
//                  empty lines and lines whose first character is `#` are skipped
//   table entry  = key white-space value           as Postfix's postmap(1)
//   alias entry  = name `:` value                  as aliases(5)
//   key, name    = text without white space (or colon), or "quoted, with \" and \\ in it"
//
// As in postmap(1), a line that holds no entry (indented without a line before it, without a value,
// an alias without a target) is skipped with a warning that begins with `FILE:LINE: `. If mail
// could go astray (an unclosed quote, a malformed address), it is an Error, and nothing in the file
// is used.
//
// SEE ALSO   alias_items.h (what an alias's value means), ../../smtpd/commands/postmap.h
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

inline constexpr std::size_t source_line_bytes_max = 1 << 20;  // a logical line
inline constexpr std::size_t source_file_bytes_max = 1 << 30;

struct LogicalLine {
  std::string text;    ///< with its continuation lines as they are; no white space at either end
  std::size_t number;  ///< of its first line, from 1
  std::size_t begin;   ///< where its first line begins in the source
  std::size_t
      end;  ///< after its last line; comments within it are included, those after it are not
  bool is_indented = false;  ///< begins with white space: it continues a line that is not there
};

/// Splits a source into logical lines. The text must outlive it.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view text) : text_(text) {}
  /// Nothing at the end.
  std::optional<LogicalLine> next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t number_ = 1;
};

struct SourceEntry {
  std::string key;
  std::string value;
  std::size_t line;
};

enum class SourceSyntax { Table, Aliases };

/// Called with `FILE:LINE: reason` for each line that is skipped.
using SourceWarning = std::function<void(const std::string& text)>;

/// In the order of the file, keys as written. `file` is only named in errors. Without `warn` a line
/// that would be skipped is an Error.
Result<std::vector<SourceEntry>> parse_source(std::string_view text, SourceSyntax syntax,
                                              const std::string& file,
                                              const SourceWarning& warn = {});

/// Parses one line `key value` or `name: value`. The Error does not begin with a place; it is
/// permanent if the line holds no entry and may be skipped.
Result<SourceEntry> parse_source_line(const LogicalLine& line, SourceSyntax syntax);

/// What is wrong with an indented line, and the remedy.
std::string reason_of_indented(const LogicalLine& line);

/// Reads a whole source. Error: the file can't be read, or is larger than source_file_bytes_max.
Result<std::string> read_source(const std::string& file);

/// `FILE:LINE: reason`, temporary: until the file is corrected the answer is "try later".
Error source_error(const std::string& file, std::size_t line, const std::string& reason);

}  // namespace pennypost::store
