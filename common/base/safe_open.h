// Opens files without following symbolic links that somebody else may have planted.
//
// Whoever may write to a directory can exchange a name in it for a symbolic link at any moment, so
// a look at the path before it is opened proves nothing. These functions walk a path one component
// at a time, each opened relative to the descriptor of the one before. They serve processes that
// have more rights than the owner of the directory: root, the owner of the mail system, and
// deliveries that borrow a group.
//
// All give a Descriptor with O_CLOEXEC; without one, errno tells why:
//   ELOOP    a link on the way that may not be followed, or more than 40 of them
//   EINVAL   open_regular(): no regular file. Neither a FIFO nor a device is opened for it.
//   others   as open(2)
//
// Only the path is judged here, not the file at its end: whoever trusts the contents looks at the
// owner with fstat(2) on the descriptor.
//
// SEE ALSO   path_resolution(7), descriptor.h
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"

namespace pennypost {

/// Opens `path` below `directory` (a descriptor, O_PATH suffices). No link is followed, not even
/// as the last component, and the path may not leave the directory: `..` is ELOOP, as is a `/` at
/// the beginning. With O_CREAT the last component is made; those before it must be there.
Descriptor open_beneath(int directory, std::string_view path, int flags, mode_t mode = 0600);

/// Opens the absolute `path`; the links on the way, also at its end, are followed if they and the
/// directories in which they stand belong to root or to one of `owners`. So `/var/mail` may be a
/// link of the admin's, and a user's link leads nobody astray. With O_CREAT a link at the end is
/// not followed, whosesoever it is.
Descriptor open_trusted(std::string_view path, std::span<const uid_t> owners, int flags,
                        mode_t mode = 0600);

/// open_trusted() for reading a regular file. Returns at once for whatever else stands there.
Descriptor open_regular(std::string_view path, std::span<const uid_t> owners);

/// Whether a file or directory belongs to `owner` or root, and neither its group nor others may
/// write to it.
bool is_written_only_by(const struct stat& status, uid_t owner);

}  // namespace pennypost
