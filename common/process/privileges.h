// Drops the privileges that a process of its kind does not need.
//
// Order: network namespace, groups, chroot, uid, no_new_privs, core dumps and debugging, landlock,
// system calls (seccomp.h). As root every step must succeed; without root the process already runs
// as the user, and drops what the kernel lets a user drop.
//
// Processes that share a uid can't harm each other: they can't debug or read each other
// (PR_SET_DUMPABLE), and the seccomp filter, and landlock from Linux 6.12 on, let them send signals
// only to themselves. A separate uid for each would mean more accounts for the admin to make; a PID
// namespace would give every process the number 1 in logs and queue ids.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/seccomp.h"

namespace pennypost {

/// A user of this host, from the passwd database.
struct Identity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
  std::string home;

  friend bool operator==(const Identity&, const Identity&) = default;

  /// Errors: no such user (permanent, with the remedy; `parameter` is the setting to name), or the
  /// database can't be read.
  static Result<Identity> of_user(const std::string& name, const std::string& parameter);
  /// Nothing if there is no such user.
  static Result<std::optional<Identity>> find(const std::string& name);
  /// A group's number; nothing if it does not exist, or `name` is empty.
  static Result<std::optional<gid_t>> find_group(const std::string& name);
};

struct Privileges {
  std::optional<Identity> identity;  // unset: keep the current user
  std::optional<gid_t> saved_group;  // may be borrowed later, for the user's file in the mail spool
  std::string chroot;                // empty: none
  bool no_network = false;           // a new, empty network namespace; Unix sockets still work
  bool no_files = false;             // landlock: no file can be opened any more
  std::vector<std::string>
      readable_only;                  // with no_files: these may be read, and nothing else accessed
  std::vector<std::string> writable;  // with readable_only: directories whose files may be changed
  bool no_signals = false;            // landlock: no signals to other processes
  std::optional<Calls> calls;         // unset: no filter

  friend bool operator==(const Privileges&, const Privileges&) = default;
};

/// Whether this process may change its user.
bool is_root();

/// Drops everything else permanently. Errors name the step.
Result<void> drop_privileges(const Privileges& keep);

}  // namespace pennypost
