#include "store/mbox/layout.h"

#include <unistd.h>

#include <algorithm>

#include "store/mailbox/file.h"
#include "store/mailbox/folder_store.h"

namespace pennypost::store {
namespace {

// Leaves room in a file name for the longest suffix, .journal or .state.tmp.
constexpr std::size_t escaped_bytes_max = 245;

// Of the files that keep an mbox's UIDs: / and % are %2F and %25 in their names (state.cpp).
std::size_t escaped_bytes(std::string_view path) {
  auto escapes = std::ranges::count_if(path, [](char c) { return c == '/' || c == '%'; });
  return path.size() + 2 * static_cast<std::size_t>(escapes);
}

}  // namespace

std::string MboxLayout::file(const MailboxName& name) const {
  return name.is_inbox() ? location_.inbox : path_below_root(name);
}

std::string MboxLayout::path_below_root(const MailboxName& name) const {
  return root() + "/" + modified_utf7_encode(name.text()).value_or("");
}

Result<void> MboxLayout::check(const MailboxName& name) const {
  if (name.is_inbox()) return {};
  auto path = file(name);
  if (escaped_bytes(std::string_view(path).substr(root().size() + 1)) > escaped_bytes_max) {
    return Error(550, ResponseCode::Cannot, "Mailbox name is too long");
  }
  for (const auto& kept : {location_.inbox, location_.index}) {
    if (kept == root() || !path.starts_with(kept)) continue;
    bool is_inside = path.size() == kept.size() || path[kept.size()] == '/';
    if (is_inside) {
      return Error(550, ResponseCode::Cannot,
                   "Mailbox name is used by something other than a folder");
    }
  }
  return {};
}

std::optional<FolderKind> MboxLayout::kind(const MailboxName& name) const {
  struct stat status {};
  bool is_there = ::stat(path_below_root(name).c_str(), &status) == 0;
  if (name.is_inbox()) {
    return is_there && !S_ISDIR(status.st_mode) ? FolderKind::Leaf : FolderKind::Mailbox;
  }
  if (is_there && S_ISDIR(status.st_mode)) return FolderKind::Directory;
  if (is_there && S_ISREG(status.st_mode)) return FolderKind::Leaf;
  return {};
}

bool MboxLayout::is_there(const MailboxName& name) const {
  struct stat status {};
  return ::lstat(file(name).c_str(), &status) == 0;
}

bool MboxLayout::exists(const MailboxName& name) const {
  return name.is_inbox() || kind(name) == FolderKind::Leaf;
}

Result<void> MboxLayout::require(const MailboxName& name) const {
  if (exists(name)) return prepare(name);
  return is_there(name) ? not_selectable(name) : no_such_mailbox(name);
}

Result<void> MboxLayout::prepare(const MailboxName& name) const {
  auto path = file(name);
  if (!settings_.create_missing && name.is_inbox() && !FileStamp::of(path).exists()) {
    return missing_mailbox(path);
  }
  return make_directories(parent_of(path));
}

Result<MboxLock> MboxLayout::lock(const MailboxName& name) const {
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Write, settings_));
  TRY_DO(recover(name, lock.descriptor()));
  return lock;
}

Result<MboxLock> MboxLayout::lock_existing(const MailboxName& name) const {
  if (name.is_inbox()) return lock(name);
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Change, settings_));
  if (lock.descriptor() < 0) return no_such_mailbox(name);
  TRY_DO(recover(name, lock.descriptor()));
  return lock;
}

Result<void> MboxLayout::recover(const MailboxName& name, int descriptor) const {
  TRY(auto left, state_.left_by_rewrite(name));
  if (left.journal) {
    TRY_DO(MboxJournal(descriptor, file(name), *std::move(left.journal), disk_).recover());
  }
  if (!left.reserve) return {};
  return MboxGap(descriptor, file(name), *std::move(left.reserve), disk_).recover();
}

Result<MboxJournal> MboxLayout::new_journal(const MailboxName& name, int descriptor) const {
  TRY(auto place, state_.new_journal(name));
  return MboxJournal(descriptor, file(name), std::move(place), disk_);
}

Result<MboxGap> MboxLayout::new_gap(const MailboxName& name, int descriptor) const {
  TRY_DO(lay_out_reserve(name));
  TRY(auto place, state_.new_reserve(name));
  return MboxGap(descriptor, file(name), std::move(place), disk_);
}

Result<void> MboxLayout::lay_out_reserve(const MailboxName& name) const {
  TRY(auto place, state_.new_reserve(name));
  struct stat status {};
  if (place.look(status)) {
    if (static_cast<std::uint64_t>(status.st_size) == MboxGap::reserve_bytes) return {};
    // A crash left it incomplete.
    place.remove();
  }
  return MboxGap::lay_out(place, disk_);
}

}  // namespace pennypost::store
