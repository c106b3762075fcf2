// Serialises the state of a folder for the index, together with the stamps of the files it was read
// from.
//
//   text   = "folder state 1" LF stamps uidlist-mark state *message      numbers are little-endian
//
// SEE ALSO   shared_folder.h (who keeps it), ../index/index.h (where)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/mailbox/file.h"
#include "store/maildir/folder_state.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

/// How a folder's directories and lists looked when it was read.
struct FolderStamps {
  FileStamp fresh;  ///< of new/
  FileStamp cur;
  FileStamp uidlist;
  FileStamp keywords;
  std::int64_t taken_at_ns = 0;
  std::int64_t list_again_at_ns = 0;  ///< 0: cur's stamp is not from our own change

  /// Whether cur/ is unchanged since it was listed, according to the stamps.
  bool tell_cur_is_known(const FolderStamps& now) const;
  /// The same for all four.
  bool tell_all_is_known(const FolderStamps& now) const;
};

struct FolderSnapshot {
  FolderStamps stamps;
  UidList::Mark uidlist;
  FolderState state;

  static std::string encode(const FolderStamps& stamps, const UidList::Mark& uidlist,
                            const FolderState& state);
  /// Nothing if encode() has not made the text.
  static std::optional<FolderSnapshot> decode(std::string_view text);
};

}  // namespace pennypost::store
