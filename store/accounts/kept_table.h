// Edits the source of a hash: table that a command keeps, and builds the table from it.
//
// hash:/etc/pennypost/users has its source in the file /etc/pennypost/users, which an admin may
// read and edit too: comments and the order of the lines are kept. A change is made under the
// table's lock, written to FILE.new, synced and renamed, so that the file is always either the old
// or the new one. Daemons see the new table within two seconds.
//
// SEE ALSO   own_users.h, hosted_domains.h (who keeps tables), ../maps/build.h
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/maps/generation.h"
#include "store/maps/source.h"

namespace pennypost::store {

/// The text of a table's source. Keys are in the form of folded_address().
class SourceText {
 public:
  /// A file that does not exist yet is empty. Error: it can't be read, or FILE:LINE of a mistake.
  static Result<SourceText> read(const std::string& file);

  bool has(const std::string& key) const { return find(key).has_value(); }
  std::optional<std::string> value(const std::string& key) const;
  void put(const std::string& key, const std::string& value);
  void erase(const std::string& key);
  const std::string& text() const { return text_; }

 private:
  std::optional<LogicalLine> find(const std::string& key) const;

  std::string text_;
};

/// The table's lock. Error: others than root could change its directory.
Result<BuildLock> lock_kept_table(const std::string& file);

/// Who may read a source.
struct SourceReaders {
  bool is_secret = false;      // mode 0600; otherwise the old file's mode and owner, or 0644
  std::optional<uid_t> owner;  // of a secret one; only root can set it
  std::optional<gid_t> group;
};
/// Replaces the source. Errors are temporary.
Result<void> write_source(const std::string& file, const std::string& text,
                          const SourceReaders& readers = {});
/// Builds the table from its source.
Result<void> build_kept_table(const BuildLock& lock, const std::string& file);

}  // namespace pennypost::store
