#include "imapd/session/special_folders.h"

#include <algorithm>

#include "store/sharing/sharing.h"

namespace pennypost::imap {
namespace {

// Leaves out what is no valid folder name in this store.
std::vector<store::MailboxName> names_of(const store::MailStore& store,
                                         const std::vector<std::string>& special_uses) {
  std::vector<store::MailboxName> names;
  for (const auto& item : special_uses) {
    auto name = store.parse_own_name(item.substr(0, item.find('=')));
    if (name) names.push_back(*std::move(name));
  }
  return names;
}

}  // namespace

Result<void> make_special_folders(store::MailStore& store,
                                  const std::vector<std::string>& special_uses) {
  if (store.was_ever_subscribed()) return {};
  auto names = names_of(store, special_uses);
  TRY(auto folders, store.list());
  auto* sharing = store.sharing();
  bool is_new = std::ranges::all_of(folders, [&](const store::Folder& folder) {
    // What others share makes an account no older.
    if (sharing != nullptr && !sharing->is_personal(folder.name)) return true;
    return folder.name.is_inbox() || std::ranges::find(names, folder.name) != names.end();
  });
  if (!is_new) return {};
  for (const auto& name : names) {
    auto made = store.create(name);
    bool is_there = made || made.error().response_code() == ResponseCode::AlreadyExists;
    if (!is_there) return made;
  }
  // Subscribed last: the first subscription is the sign that all folders are there.
  for (const auto& name : names) {
    TRY_DO(store.subscribe(name));
  }
  return {};
}

}  // namespace pennypost::imap
