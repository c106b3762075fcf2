// Writes the mail of a user who leaves into a tar archive that every system can open.
//
// The end of its name says how it is compressed. The archive is written beside, synced, and then
// gets its name: there is a whole one or none. It belongs to who makes it, mode 0600. Paths in it
// begin with the last name of each path given.
//
// SEE ALSO   tar(5)
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

/// `.tar, .tar.gz, .tgz, .tar.xz, .tar.zst`: the ends of a name that write_archive() knows.
std::string archive_suffixes();
/// Whether the name ends in one of them.
bool is_archive_name(const std::string& file);

/// Files and directories below `paths`, compressed as the name says. What is no file, directory or
/// link is left out. Error: something can't be read or written, or `file` exists already.
Result<void> write_archive(const std::string& file, const std::vector<std::string>& paths);

}  // namespace pennypost::smtp
