#include "store/maps/acting_owner.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/assert.h"
#include "common/process/directories.h"
#include "common/process/privileges.h"

namespace pennypost::store {
namespace {

constexpr gid_t no_group = 65534;  // for a uid that is not in the passwd database

/// The user with all groups; the first is the one that new files get.
struct Rights {
  uid_t user;
  std::vector<gid_t> groups;
};

Rights rights_of(uid_t user) {
  std::array<char, 65536> buffer;
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return {user, {no_group}};
  std::array<gid_t, 1024> groups;
  int count = groups.size();
  if (::getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) {
    return {user, {found->pw_gid}};
  }
  Rights rights{user, {groups.begin(), groups.begin() + count}};
  // getgrouplist() promises no order.
  std::ranges::iter_swap(rights.groups.begin(), std::ranges::find(rights.groups, found->pw_gid));
  return rights;
}

/// Puts the table's group first, so that this group can still read the table.
void prefer_group(Rights& rights, gid_t group) {
  auto found = std::ranges::find(rights.groups, group);
  if (found != rights.groups.end()) std::iter_swap(rights.groups.begin(), found);
}

Error failed(const std::filesystem::path& base, uid_t user) {
  return Error::temporary(base.string() + ": can't act as user " + std::to_string(user) +
                          ", who owns it: " + std::strerror(errno));
}

}  // namespace

Result<ActingOwner> ActingOwner::take(const std::filesystem::path& base) {
  if (!is_root()) return ActingOwner({});
  auto stranger = who_may_change(base.parent_path().string(), Groups::Strangers);
  if (!stranger) return ActingOwner({});
  struct stat source {};
  bool has_source = ::stat(base.c_str(), &source) == 0;
  auto user = stranger->owner;
  if (!user && has_source && source.st_uid != 0) user = source.st_uid;
  if (!user) {
    return Error::permanent(base.string() + ": " + stranger->reason +
                            ", who could lead root astray; chmod go-w it, or build the table as "
                            "another user");
  }
  auto rights = rights_of(*user);
  if (has_source) prefer_group(rights, source.st_gid);
  Root root{::getegid(), std::vector<gid_t>(static_cast<std::size_t>(::getgroups(0, nullptr)))};
  ::getgroups(static_cast<int>(root.groups.size()), root.groups.data());
  // From here on the destructor undoes what has been done.
  ActingOwner acting(std::move(root));
  if (::setgroups(rights.groups.size(), rights.groups.data()) != 0 ||
      ::setegid(rights.groups.front()) != 0 || ::seteuid(rights.user) != 0) {
    return failed(base, *user);
  }
  return acting;
}

ActingOwner::~ActingOwner() {
  if (!root_) return;
  ASSERT(::seteuid(0) == 0);
  ASSERT(::setegid(root_->group) == 0);
  ASSERT(::setgroups(root_->groups.size(), root_->groups.data()) == 0);
}

}  // namespace pennypost::store
