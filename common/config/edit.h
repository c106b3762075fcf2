// Changes settings in a main.toml and leaves every other byte as it was.
//
// A value is checked before anything is written. The new text is parsed again and must differ in
// nothing but the change; then it is written beside, synced and renamed, with the old one's owner
// and mode, under a lock that other edits wait for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/layers.h"

namespace pennypost {

struct SettingEdit {
  enum Kind { Set, CommentOut, Remove };
  Kind kind = Set;
  Scope scope = {};  ///< the section of a service, or the host
  std::string name;
  std::string text = {};  ///< for Set

  /// `name`, `service.submission.name`, and for Set `…=value`. Error: unknown names, no value.
  static Result<SettingEdit> parse(Kind kind, std::string_view text);
};

/// The text of main.toml with the edits made. Error: the file is not TOML, a value is wrong.
Result<std::string> edit_toml(std::string_view toml, const std::vector<SettingEdit>& edits,
                              const LoadOptions& options);

/// The same on `options.directory`/main.toml, which is made where it is missing. Error: also what
/// the file system says; the old file is then untouched.
Result<void> edit_file(const std::vector<SettingEdit>& edits, const LoadOptions& options);

/// A value as main.toml has it: numbers bare, all else quoted.
std::string toml_value(std::size_t index, std::string_view text);

}  // namespace pennypost
