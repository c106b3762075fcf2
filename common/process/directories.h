// Makes the directories that a daemon needs, and gives them to their owners.
//
// The master does this as root, below directories that belong to others (the owner of the queue,
// the owner of the mail). Whoever owns a directory can exchange what stands in it for a symbolic
// link at any moment; so everything here goes through descriptors, and a link that does not belong
// to root, in a directory of root's, is refused with the remedy. Without root a process can only do
// what its user could do anyway, and follows links as usual.
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

/// Makes `path` and what lies above it. A directory that exists stays as it is; a new one gets
/// `mode`, and as root the owner. `parameter` is the setting to name in the error.
Result<void> prepare_directory(const std::string& path, mode_t mode, const Identity* owner,
                               const std::string& parameter);

/// As prepare_directory(), but an existing directory gets owner and mode as well. Gives it open.
Result<Descriptor> own_directory(const std::string& path, mode_t mode, uid_t owner, gid_t group,
                                 const std::string& parameter);

/// The same for `name` directly in an open directory; no link is followed. `path` is for errors.
Result<Descriptor> own_directory_in(const Descriptor& parent, const std::string& name, mode_t mode,
                                    uid_t owner, gid_t group, const std::string& path);

/// A directory that somebody else than root can change.
struct OpenToOthers {
  std::string directory;
  std::optional<uid_t> owner;  // unset: it is root's, but writable by its group or by everybody
  std::string reason;          // `/srv/mail belongs to user eve`
};

/// Whether the members of a directory's group count as strangers.
enum class Groups { Trusted, Strangers };

/// Who besides root may write to `directory`, or could exchange it because a directory above is
/// open to him: the nearest such one, links resolved. One in which each may remove only his own
/// (/tmp) is none.
std::optional<OpenToOthers> who_may_change(const std::string& directory, Groups groups);

/// The same for the directories above `path` alone: who could exchange what it names.
std::optional<OpenToOthers> who_may_exchange(const std::string& path, Groups groups);

}  // namespace pennypost
