// Opens files without following symbolic links that somebody else may have planted.
//
// Anyone who may write to a directory can replace a name in it by a symbolic link at any moment, so
// checking a path before opening it proves nothing. These functions walk a path one component at a
// time, opening each relative to the descriptor of the one before. They are for processes that have
// more rights than the owner of the directory: root, the owner of the mail system, and deliveries
// that borrow a group.
//
// All return a Descriptor with O_CLOEXEC; without one, errno tells why:
//   ELOOP    a link on the way that may not be followed, or more than 40 of them
//   EINVAL   open_regular(): no regular file. Neither a FIFO nor a device is opened for it.
//   others   as open(2)
//
// Only the path is checked here, not the file at its end. Callers that trust its content must check
// the owner with fstat(2) on the descriptor.
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

/// Opens `path` below `directory` (a descriptor, O_PATH suffices). No link is followed, not even as
/// the last component, and the path may not leave the directory: `..` is ELOOP, as is a `/` at the
/// beginning. With O_CREAT the last component is made; those before it must exist.
Descriptor open_beneath(int directory, std::string_view path, int flags, mode_t mode = 0600);

/// Opens the absolute `path`. Links in it, including at its end, are followed only if they and
/// their directories belong to root or to one of `owners`. So the admin may make `/var/mail` a
/// link, but a user's link is not followed. With O_CREAT a link at the end is never followed.
Descriptor open_trusted(std::string_view path, std::span<const uid_t> owners, int flags,
                        mode_t mode = 0600);

/// open_trusted() for reading a regular file. Returns at once if it is something else.
Descriptor open_regular(std::string_view path, std::span<const uid_t> owners);

/// Whether a file or directory belongs to `owner` or root, and neither its group nor others may
/// write to it.
bool is_written_only_by(const struct stat& status, uid_t owner);

}  // namespace pennypost
