// Opens files that a privileged process keeps in directories that others may own.
//
// A process id file or a log may be in a directory that belongs to the owner of the mail system,
// who could replace it by a symbolic or hard link to any file. So root opens such a file only if it
// is certainly not a link to another one. Without root a process can only do what its user could do
// anyway, and opens files as usual.
//
// SEE ALSO   safe_open.h
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/descriptor.h"

namespace pennypost {

/// Opens `path` (absolute) with O_CLOEXEC; with O_CREAT a missing file is made with `mode`. For
/// root it must be a regular file with only one name, a device, or a FIFO owned by root, and only
/// root's links in root's directories are followed. Never waits for a FIFO's reader. Without a
/// descriptor, errno tells why: ELOOP a link that is not followed, EMLINK a second name, EPERM
/// another kind of file, ENXIO a FIFO that nobody reads, or as for open(2).
Descriptor open_own_file(const std::string& path, int flags, mode_t mode = 0600);

/// `PATH: what is wrong`, and the remedy, for an errno of open_own_file() or of safe_open.h.
std::string describe_refusal(const std::string& path, int problem);

}  // namespace pennypost
