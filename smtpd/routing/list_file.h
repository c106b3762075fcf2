// Reads the files that name recipients: a .forward, and what :include: names.
//
// Such a file is read with the rights of whoever names it, as in Postfix. A .forward, and the lists
// that a user's file includes, are read by a deliver process of that user. What an alias of root's
// includes is read by the lookup process if it is root's as well; a list of a user's is read by a
// deliver process of that user, so that it may be closed to all others and shows nothing that the
// user may not read. Only regular files are opened, and a symbolic link on the way counts only if
// it belongs to root, to the reader or to the owner of the file.
//
// The text of an Error here names no path and quotes nothing that was read.
//
// STANDARDS  none; Postfix local(8), aliases(5)
// SEE ALSO   expansion.h (what becomes of the text), ../../common/base/safe_open.h
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/base/result.h"

namespace pennypost::smtp {

struct ListFile {
  std::string text;
  std::uint32_t owner = 0;
  bool is_public = false;  ///< everybody may read it
};

/// For the lookup process, on behalf of root's tables. `own_uid` is who counts like root: the user
/// that runs it all. What only its owner may read comes back without text, and not public. Errors:
/// temporary.
Result<ListFile> read_list_of_admin(const std::string& path, std::uint32_t own_uid,
                                    std::size_t bytes_max);

/// For a process of `user` (a name in passwd, with `uid`). Groups that the process has beyond the
/// user's own open nothing. Nothing where there is no such file. Errors: temporary.
Result<std::optional<ListFile>> read_list_of_user(const std::string& path, const std::string& user,
                                                  std::uint32_t uid, std::size_t bytes_max);

}  // namespace pennypost::smtp
