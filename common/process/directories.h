// Makes the directories that a daemon needs, with their owners.
//
// The master does this as root, below directories that belong to others (the owner of the queue,
// the owner of the mail). A directory's owner can replace anything in it by a symbolic link at any
// moment. So everything here goes through descriptors, and a link is refused, with the remedy,
// unless root owns it and its directory. Without root a process can only do what its user could do
// anyway, and follows links as usual.
//
// SEE ALSO   ../base/safe_open.h
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/process/privileges.h"

namespace pennypost {

/// Makes `path` and its missing parents. An existing directory stays as it is; a new one gets
/// `mode` and, if we are root, the owner. `parameter` is the setting to name in errors.
Result<void> prepare_directory(const std::string& path, mode_t mode, const Identity* owner,
                               const std::string& parameter);

/// Like prepare_directory(), but an existing directory gets owner and mode as well. Returns it
/// open.
Result<Descriptor> own_directory(const std::string& path, mode_t mode, uid_t owner, gid_t group,
                                 const std::string& parameter);

/// The same for `name` directly in an open directory; no link is followed. `path` is for errors.
Result<Descriptor> own_directory_in(const Descriptor& parent, const std::string& name, mode_t mode,
                                    uid_t owner, gid_t group, const std::string& path);

/// A directory that somebody other than root can change.
struct OpenToOthers {
  std::string directory;
  std::optional<uid_t> owner;  // unset: root owns it, but its group or everybody may write to it
  std::string reason;          // `/srv/mail belongs to user eve`
};

/// Whether the members of a directory's group count as strangers.
enum class Groups { Trusted, Strangers };

/// Who besides root may write to `directory`, or could replace it because they may write to a
/// directory above: the nearest such directory, with links resolved. A sticky directory such as
/// /tmp, where users can remove only their own files, does not count as such.
std::optional<OpenToOthers> who_may_change(const std::string& directory, Groups groups);

/// The same only for the directories above `path`: who could replace what it names.
std::optional<OpenToOthers> who_may_exchange(const std::string& path, Groups groups);

}  // namespace pennypost
