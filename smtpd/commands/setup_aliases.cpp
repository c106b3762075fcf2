#include "smtpd/commands/setup_aliases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/tables.h"

namespace pennypost::smtp {
namespace {

constexpr mode_t mode = 0644;
constexpr std::size_t file_bytes_max = 16 * 1024 * 1024;

/// Whether a line begins with `root:`, with or without blanks before the colon.
bool names_root(std::string_view text) {
  for (auto line : split(text, '\n')) {
    auto colon = line.find(':');
    if (colon != line.npos && equal_nocase(trim(line.substr(0, colon)), "root")) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<AliasChange>> plan_aliases(const Config& config, const std::string& user) {
  std::vector<AliasChange> changes;
  const std::string root = user.empty() ? "" : "root: " + user + "\n";
  for (const auto& text : config.alias_database) {
    auto table = TableRef::parse(text);
    if (!table) continue;
    TRY(auto present, read_file(table->name, file_bytes_max));
    if (!present) {
      changes.push_back({table->name, true, "postmaster: root\n" + root});
    } else if (!root.empty() && !names_root(*present)) {
      const bool is_open = !present->empty() && !present->ends_with('\n');
      changes.push_back({table->name, false, (is_open ? "\n" : "") + root});
    }
  }
  return changes;
}

Result<void> write_aliases(const AliasChange& change) {
  const int flags = change.is_new ? O_CREAT | O_EXCL : O_APPEND;
  TRY(auto file, open_file(change.path, O_WRONLY | O_NOFOLLOW | flags, mode));
  TRY_DO(write_all(file.number(), change.lines, change.path));
  if (change.is_new && ::fchmod(file.number(), mode) != 0) {
    return Error::temporary(change.path + ": can't set its mode");
  }
  return sync_file(file.number(), change.path);
}

}  // namespace pennypost::smtp
