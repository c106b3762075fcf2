#include "common/process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/descriptor.h"

namespace pennypost {
namespace {

Error failed(const std::string& step) {
  return Error::permanent("cannot give up privileges: " + step + ": " + std::strerror(errno));
}

// Landlock has no wrapper in glibc 2.36.
long landlock_version() {
  return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

constexpr std::uint64_t file_access_v1 =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t refer_v2 = 1ull << 13;
constexpr std::uint64_t truncate_v3 = 1ull << 14;

// The kernel's landlock_ruleset_attr of version 6; Debian 12's headers have only the first member.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};
constexpr std::uint64_t scope_abstract_sockets_v6 = 1;
constexpr std::uint64_t scope_signals_v6 = 2;

RulesetAttributes ruleset_for(const Privileges& keep, long version) {
  RulesetAttributes attributes;
  bool restricts_files = keep.no_files || !keep.readable_only.empty();
  if (restricts_files) {
    attributes.handled_access_fs = file_access_v1;
    if (version >= 2) attributes.handled_access_fs |= refer_v2;
    if (version >= 3) attributes.handled_access_fs |= truncate_v3;
  }
  if (version >= 6) {
    if (keep.no_signals) attributes.scoped |= scope_signals_v6;
    if (keep.no_files) attributes.scoped |= scope_abstract_sockets_v6;
  }
  return attributes;
}

/// Allows this beneath `path`.
Result<void> allow(const Descriptor& rules, const std::string& path, std::uint64_t access) {
  Descriptor at(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!at) return {};  // a missing path needs no rule
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = access;
  beneath.parent_fd = at.number();
  if (syscall(SYS_landlock_add_rule, rules.number(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) !=
      0) {
    return failed("landlock " + path);
  }
  return {};
}

/// A kernel without landlock is not an error: chroot, uid and the seccomp filter still apply.
Result<void> restrict_by_landlock(const Privileges& keep) {
  long version = landlock_version();
  auto attributes = ruleset_for(keep, version);
  if (version < 1 || (attributes.handled_access_fs == 0 && attributes.scoped == 0)) return {};
  auto size = version >= 6 ? sizeof attributes : sizeof attributes.handled_access_fs;
  Descriptor rules(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!rules) return failed("landlock");
  constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  constexpr std::uint64_t changing = reading | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
  for (const auto& path : keep.readable_only) {
    TRY_DO(allow(rules, path, reading));
  }
  for (const auto& path : keep.writable) {
    TRY_DO(allow(rules, path, changing));
  }
  if (syscall(SYS_landlock_restrict_self, rules.number(), 0) != 0) return failed("landlock");
  return {};
}

Result<void> become(const Identity& identity, std::optional<gid_t> saved_group) {
  if (identity.uid == 0) {
    return Error::permanent("cannot give up privileges: user " + identity.name + " is root");
  }
  if (setgroups(identity.groups.size(), identity.groups.data()) != 0) return failed("setgroups");
  gid_t saved = saved_group.value_or(identity.gid);
  if (setresgid(identity.gid, identity.gid, saved) != 0) return failed("setresgid");
  if (setresuid(identity.uid, identity.uid, identity.uid) != 0) return failed("setresuid");
  if (setuid(0) == 0) return Error::permanent("cannot give up privileges: root came back");
  return {};
}

}  // namespace

bool is_root() { return geteuid() == 0; }

Result<std::optional<Identity>> Identity::find(const std::string& name) {
  std::array<char, 65536> buffer;
  passwd entry{};
  passwd* found = nullptr;
  int problem = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    bool is_absent = problem == 0 || problem == ENOENT || problem == ESRCH;
    if (is_absent) return std::optional<Identity>();
    return Error::temporary("user database: " + std::string(std::strerror(problem)));
  }
  Identity identity;
  identity.name = name;
  identity.uid = entry.pw_uid;
  identity.gid = entry.pw_gid;
  identity.home = entry.pw_dir;
  std::array<gid_t, 1024> groups;
  int count = groups.size();
  if (getgrouplist(name.c_str(), entry.pw_gid, groups.data(), &count) < 0) {
    return Error::temporary("user " + name + " is in more than 1024 groups");
  }
  identity.groups.assign(groups.begin(), groups.begin() + count);
  return std::optional(std::move(identity));
}

Result<std::optional<gid_t>> Identity::find_group(const std::string& name) {
  if (name.empty()) return std::optional<gid_t>();
  std::array<char, 65536> buffer;
  group entry{};
  group* found = nullptr;
  int problem = getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return std::optional(entry.gr_gid);
  bool is_absent = problem == 0 || problem == ENOENT || problem == ESRCH;
  if (is_absent) return std::optional<gid_t>();
  return Error::temporary("group database: " + std::string(std::strerror(problem)));
}

Result<Identity> Identity::of_user(const std::string& name, const std::string& parameter) {
  TRY(auto found, find(name));
  if (!found) {
    return Error::permanent("user " + name + " (" + parameter +
                            ") does not exist; make it: useradd --system --user-group "
                            "--no-create-home --home-dir /nonexistent " +
                            name);
  }
  return *std::move(found);
}

Result<void> drop_privileges(const Privileges& keep) {
  if (is_root() && keep.identity && keep.identity->uid != 0) {
    // A service manager may deny it; then the filter of system calls is what refuses sockets.
    bool has_filter = can_restrict_calls();
    bool has_refused = keep.no_network && unshare(CLONE_NEWNET) != 0;
    bool may_go_on = errno == EPERM && has_filter;
    if (has_refused && !may_go_on) return failed("network namespace");
    if (!keep.chroot.empty()) {
      if (chroot(keep.chroot.c_str()) != 0) {
        return failed("chroot to " + keep.chroot + " (empty_directory)");
      }
      if (chdir("/") != 0) return failed("chdir");
    }
    TRY_DO(become(*keep.identity, keep.saved_group));
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  // Passwords, mail and the TLS keys that the master read are in memory: no core files, and no
  // access by other processes of this uid. A change of uid does the same, but not every process
  // changes it.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("dumpable");
  TRY_DO(restrict_by_landlock(keep));
  if (keep.calls) return restrict_calls(*keep.calls);
  return {};
}

}  // namespace pennypost
