// Reads Dovecot's configuration file into a tree: dovecot.conf with what it includes, or the output
// of `doveconf -n`.
//
//   name = value                      a setting; `#` begins a comment, "..." quotes a value
//   name [title] { ... }              a section, such as `namespace inbox {`
//   !include FILE, !include_try FILE  where FILE may hold *
//
// LIMITS  sections_deep_max, includes_deep_max, files_max
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "smtpd/migration/migration.h"

namespace pennypost::smtp {

struct DovecotSection {
  struct Setting {
    std::string name;
    std::string value;
    SourcePlace place;
  };
  std::string kind;   // namespace, service, passdb; empty: the whole file
  std::string title;  // inbox; may be empty
  SourcePlace place;
  std::vector<Setting> settings;
  std::vector<DovecotSection> sections;

  /// The last setting of the name; null: there is none.
  const Setting* find(std::string_view name) const;
  std::string value(std::string_view name) const;
};

/// How files are found and read.
struct DovecotFiles {
  /// The text; nothing: there is no such file.
  std::function<Result<std::optional<std::string>>(const std::string& path)> read;
  /// The paths that fit a pattern with `*` in its last part, in order.
  std::function<std::vector<std::string>(const std::string& pattern)> list;
};

/// Error: `FILE:LINE: what is wrong`.
Result<DovecotSection> read_dovecot_file(const std::string& path, const DovecotFiles& files);

}  // namespace pennypost::smtp
