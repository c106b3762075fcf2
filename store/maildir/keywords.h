// Reads `dovecot-keywords`, which gives each keyword of a folder a letter, and adds new keywords to
// it.
//
//   file = *( number SP keyword LF )        number 0 to 25: the letters a to z in file names
//
// A number keeps its keyword for as long as the folder lives, since other programs remember it.
// Keywords that differ only in case are the same. The file is replaced as a whole, under the
// folder's uidlist lock and its own `dovecot-keywords.lock`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// The names by number, from the file's text; an empty name is an unused number. Malformed lines,
/// and names that IMAP can't show (is_keyword), are ignored.
std::vector<std::string> parse_keywords(std::string_view text);

class KeywordFile {
 public:
  /// `brief_lock_ms` as in StoreSettings.
  explicit KeywordFile(const std::string& directory, int brief_lock_ms = 0)
      : path_(directory + "/dovecot-keywords"), brief_lock_ms_(brief_lock_ms) {}

  /// Reads the file if it has changed; true if names() has changed.
  Result<bool> refresh();
  /// By number; an empty name is an unused number.
  const std::vector<std::string>& names() const { return names_; }
  std::string path() const { return path_; }

  /// The keywords of `names` that are known.
  KeywordSet known(const std::vector<std::string>& names) const;
  bool all_known(const std::vector<std::string>& names) const;
  /// All of `names`, adding those that are not known; the caller holds the uidlist's lock. If there
  /// are too few letters: 550 Limit, and nothing is added; or, with LeaveOut, as many as fit.
  Result<KeywordSet> add(const std::vector<std::string>& names, const Dotlock& uidlist_held,
                         NoRoom no_room = NoRoom::Refuse);

 private:
  std::string path_;
  int brief_lock_ms_;
  FileStamp stamp_;
  std::vector<std::string> names_;
};

}  // namespace pennypost::store
