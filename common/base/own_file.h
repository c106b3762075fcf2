// Opens the files that a privileged process keeps in directories which others may own.
//
// A process id file or a log may stand in a directory that belongs to the owner of the mail system,
// who can exchange it for a symbolic or hard link to any file. As root, such a file is therefore
// opened only if it can be nothing else than what it seems. Without root a process can only do what
// its user could do anyway, and opens files as usual.
//
// SEE ALSO   safe_open.h
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/descriptor.h"

namespace pennypost {

/// Opens `path` (absolute) with O_CLOEXEC; with O_CREAT it is made with `mode` where it is missing.
/// As root it must be a regular file without a second name, a device, or a FIFO of root's, and is
/// reached over links of root's in directories of root's only. Never waits for a FIFO's reader.
/// Without a descriptor, errno tells why: ELOOP a link that is not followed, EMLINK a second name,
/// EPERM something else in its place, ENXIO a FIFO that nobody reads, or as open(2).
Descriptor open_own_file(const std::string& path, int flags, mode_t mode = 0600);

/// `PATH: what is wrong`, where `problem` is an errno of open_own_file() or of safe_open.h: what it
/// means, and what to do about it.
std::string describe_refusal(const std::string& path, int problem);

}  // namespace pennypost
