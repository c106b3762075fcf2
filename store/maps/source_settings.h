// Reads the settings of one table that a server answers: `name = value` lines, as in Postfix's
// ldap_table(5), mysql_table(5), pgsql_table(5) and sqlite_table(5).
//
// Lines are joined and comments skipped as in any source (source.h). Of several lines with one name
// the last counts. Values are taken as they are; `$name` is not expanded.
//
// SEE ALSO   server_table.h (who uses them)
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

/// A setting that a type of table knows.
struct SourceSetting {
  enum Kind { Text, Number, Flag };
  std::string_view name;
  std::string_view standard;  // what counts where it is not set
  Kind kind = Text;
};

class SourceSettings {
 public:
  /// Settings are those of `rows` and of every such table. Errors begin with `FILE:LINE: `.
  static Result<SourceSettings> parse(std::string_view text, const std::string& file,
                                      std::span<const SourceSetting> rows);

  /// What stands in the file, or the standard. `name` is one of the rows.
  std::string text(std::string_view name) const;
  std::uint64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;
  /// A list, separated by commas or white space.
  std::vector<std::string> words(std::string_view name) const;
  bool is_set(std::string_view name) const { return entries_.contains(name); }

  /// `FILE:LINE: NAME: reason`, temporary: until the file is put right the answer is "try later".
  Error wrong(std::string_view name, const std::string& reason) const;

 private:
  struct Entry {
    std::string value;
    std::size_t line = 0;
  };
  const SourceSetting* row(std::string_view name) const;
  Result<void> add(std::string_view text, std::size_t line);

  std::string file_;
  std::vector<SourceSetting> rows_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace pennypost::store
