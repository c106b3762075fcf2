// Changes settings in a main.toml and leaves every other byte unchanged.
//
// A value is checked before anything is written. The new text is parsed again and must differ only
// in the change. Then a temporary file is written, synced and renamed, with the owner and mode of
// the old file, under a lock that other edits wait for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/layers.h"

namespace pennypost {

struct SettingEdit {
  enum Kind { Set, CommentOut, Remove };
  Kind kind = Set;
  std::optional<Service> scope = {};  ///< the section of a service, or the host
  std::string name;
  std::string text = {};         ///< for Set
  std::string own_section = {};  ///< `transport.NAME`, `service.NAME` of the admin's own; or empty

  /// `name`, `service.submission.name`, `transport.slow.key`, and for Set `…=value`. Error: unknown
  /// names, no value. The name of a restriction class, a section of the admin's own, and what
  /// depends on such a section are taken; edit_toml() knows which there are.
  static Result<SettingEdit> parse(Kind kind, std::string_view text);
};

/// The text of main.toml with the edits made. Error: the file is not TOML, a value is wrong.
Result<std::string> edit_toml(std::string_view toml, const std::vector<SettingEdit>& edits,
                              const LoadOptions& options);

/// The same for `options.directory`/main.toml, which is created if missing. Error: also those of
/// the file system, after which the old file is unchanged.
Result<void> edit_file(const std::vector<SettingEdit>& edits, const LoadOptions& options);

/// A value in the notation of main.toml: numbers bare, everything else quoted.
std::string toml_value(std::size_t index, std::string_view text);

}  // namespace pennypost
