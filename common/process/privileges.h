// Takes from a process all that its kind does not need.
//
// Order: network namespace, groups, chroot, uid, no_new_privs, core dumps and debugging, landlock,
// system calls (seccomp.h). As root every step must succeed; without root the process is the user's
// own already, and what the kernel lets a user give up is given up all the same.
//
// Processes that share a uid can't harm each other: they may not be debugged or read by it
// (PR_SET_DUMPABLE), the filter lets them signal themselves alone, and so does landlock from Linux
// 6.12 on. A uid each would be more accounts for the admin to make; a PID namespace would give
// every process the number 1 in logs and queue ids.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/seccomp.h"

namespace pennypost {

/// A user of this host, as the passwd database has it.
struct Identity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
  std::string home;

  friend bool operator==(const Identity&, const Identity&) = default;

  /// Errors: no such user (permanent; `remedy` says how to make it), database not readable.
  static Result<Identity> of_user(const std::string& name, const std::string& parameter);
  /// Nothing where no such user exists.
  static Result<std::optional<Identity>> find(const std::string& name);
  /// A group's number; nothing where it does not exist, or `name` is empty.
  static Result<std::optional<gid_t>> find_group(const std::string& name);
};

struct Privileges {
  std::optional<Identity> identity;  // unset: stay who we are
  std::optional<gid_t> saved_group;  // may be borrowed later, for the user's file in the mail spool
  std::string chroot;                // empty: none
  bool no_network = false;           // an own, empty network namespace; Unix sockets still work
  bool no_files = false;             // landlock: no file can be opened any more
  std::vector<std::string> readable_only;  // with it, these may be read, and nothing else touched
  bool no_signals = false;                 // landlock: to no other process
  std::optional<Calls> calls;              // unset: no filter

  friend bool operator==(const Privileges&, const Privileges&) = default;
};

/// True when this process may change its user.
bool is_root();

/// Gives up all else, for good. Errors name the step.
Result<void> drop_privileges(const Privileges& keep);

}  // namespace pennypost
