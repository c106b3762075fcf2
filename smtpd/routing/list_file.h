// Reads files that name recipients: .forward files and :include: lists.
//
// Such a file is read with the rights of the user who names it, as in Postfix. A .forward, and the
// lists that a user's file includes, are read by a deliver process of that user. A list that root's
// aliases include is read by the lookup process if root owns it; a user's list is read by a deliver
// process of that user, so that it may be private and can't disclose what the user may not read.
// Only regular files are opened, and a symbolic link is followed only if it belongs to root, to the
// reader or to the owner of the file.
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

/// For the lookup process, on behalf of root's tables. `own_uid`, the user who runs the server,
/// counts as root. For a file that only its owner may read, the text is empty and is_public false.
/// Errors are temporary.
Result<ListFile> read_list_of_admin(const std::string& path, std::uint32_t own_uid,
                                    std::size_t bytes_max);

/// For a process of `user` (a name in passwd, with `uid`). Groups of the process that the user is
/// not in give no access. Nothing if there is no such file. Errors are temporary.
Result<std::optional<ListFile>> read_list_of_user(const std::string& path, const std::string& user,
                                                  std::uint32_t uid, std::size_t bytes_max);

}  // namespace pennypost::smtp
