// Decides which folders of another server become which of ours.
//
// Levels are kept, whatever stands between them there; the prefix of the user's own folders there
// is left out. A folder for a special use becomes ours for that use, unless another folder there
// has its name. In a level's name `_` stands for what ours can't hold. Folders that only show
// messages of others (\All, \Flagged) are left out, and those of other users.
//
// STANDARDS  RFC 3501 section 5.1.3 (names in modified UTF-7), RFC 2342 (prefixes), RFC 6154 (uses)
// LIMITS     same_names_max
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "imapd/client/answers.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// So many folders there may lead to one name here; they get numbers.
inline constexpr int same_names_max = 100;

struct PlannedFolder {
  std::string source;  // as the server writes it
  std::string target;  // in UTF-8, as MailStore::parse_own_name takes it
  bool is_subscribed = false;
};
struct FolderPlan {
  std::vector<PlannedFolder> folders;  // by source
  std::vector<std::string> left_out;   // a sentence each
};

struct FolderPlanning {
  std::vector<ListedFolder> folders;
  std::vector<std::string> subscribed;
  Namespaces namespaces;
  /// Names of ours for special uses.
  std::vector<std::pair<std::string, store::SpecialUse>> special_uses;
  char separator = '.';             // ours
  std::vector<std::string> chosen;  // only these, by their names there in UTF-8; empty: all
};
FolderPlan plan_folders(FolderPlanning planning);

}  // namespace pennypost::imap
