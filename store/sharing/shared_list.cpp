// What LIST and the subscriptions of an account show beside its own mailboxes.
#include <algorithm>

#include "common/log/log.h"
#include "store/mailbox/folders.h"
#include "store/sharing/shared_store.h"

namespace pennypost::store {
namespace {

Result<MailboxName> any_name(const std::string& text, char separator) {
  return MailboxName::parse(text, separator, SIZE_MAX, SIZE_MAX);
}

}  // namespace

Result<std::vector<Folder>> SharedStore::list() {
  std::vector<Folder> folders;
  TRY_DO(list_own(folders));
  list_aliases(folders);
  TRY_DO(list_shared(folders));
  return folders;
}

Result<void> SharedStore::list_own(std::vector<Folder>& out) {
  TRY(out, own_->list());
  if (!others_) return {};
  std::erase_if(out, [&](const Folder& folder) {
    if (is_shared_name(folder.name)) {
      log_warning("acl", names_.user + ": the mailbox " + folder.name.text() +
                             " is hidden by namespace_shared_prefix: rename its directory");
      return true;
    }
    if (!folder.exists) return false;
    Place place;
    place.store = own_.get();
    place.name = place.shown = folder.name;
    return !check(place, Deed::Show);
  });
  return {};
}

// Under an alias all mailboxes have a second name.
void SharedStore::list_aliases(std::vector<Folder>& out) const {
  const auto own_count = out.size();
  for (const auto& alias : names_.aliases) {
    if (!alias.ends_with(separator()) || alias == settings().namespace_prefix) continue;
    for (std::size_t i = 0; i < own_count; ++i) {
      std::string_view rest = out[i].name.text();
      if (!out[i].name.is_inbox()) {
        if (!rest.starts_with(settings().namespace_prefix)) continue;
        rest.remove_prefix(settings().namespace_prefix.size());
      }
      auto name = any_name(alias + std::string(rest), separator());
      if (!name) continue;
      auto folder = out[i];
      folder.name = *std::move(name);
      folder.spelt_out = names_.are_aliases_listed ? 0 : alias.size();
      out.push_back(std::move(folder));
    }
  }
}

Result<void> SharedStore::list_shared(std::vector<Folder>& out) {
  if (!others_) return {};
  FolderKinds kinds;
  for (const auto& owner : others_->shares().owners_for(visitor(true))) {
    auto listed = list_of(owner, kinds);
    // One user's trouble is not another's.
    if (!listed) log_warning("acl", owner + ": " + listed.error().text());
  }
  if (kinds.empty()) return {};
  TRY(auto subscribed, subscriptions());
  auto own_level = std::ranges::find_if(
      out, [&](const Folder& folder) { return folder.name.text() == names_.shared_prefix; });
  if (own_level != out.end()) own_level->has_children = true;
  bool has_own_level = own_level != out.end();
  for (auto& folder : folder_tree(std::move(kinds), separator(), subscribed, settings())) {
    if (folder.name.is_inbox()) continue;
    if (has_own_level && folder.name.text() == names_.shared_prefix) continue;
    folder.special_use = SpecialUse::None;
    out.push_back(std::move(folder));
  }
  return {};
}

Result<void> SharedStore::list_of(const std::string& owner, FolderKinds& kinds) {
  TRY(std::shared_ptr<MailStore> opened, others_->open(owner, separator()));
  if (!opened) return {};
  TRY(auto folders, opened->list());
  const auto head = shared_head() + shown_owner(owner) + separator();
  for (const auto& folder : folders) {
    if (!folder.exists) continue;
    std::string rest = folder.name.text();
    if (!folder.name.is_inbox()) rest.erase(0, settings().namespace_prefix.size());
    auto shown = parse_name(head + rest);
    if (!shown) continue;
    Place place;
    place.opened = opened;
    place.store = opened.get();
    place.name = folder.name;
    place.shown = *shown;
    place.owner = owner;
    if (!check(place, Deed::Show)) continue;
    kinds.emplace(*std::move(shown),
                  folder.selectable ? FolderKind::Mailbox : FolderKind::Directory);
  }
  return {};
}

// Subscriptions are the account's own file, in which other users' mailboxes stand by their names as
// shown.
Result<std::vector<MailboxName>> SharedStore::subscriptions() {
  TRY(auto names, own_->subscriptions());
  const auto& prefix = settings().namespace_prefix;
  if (!others_ || prefix.empty()) return names;
  for (auto& name : names) {
    if (!name.text().starts_with(prefix + shared_head())) continue;
    if (auto shown = any_name(name.text().substr(prefix.size()), separator())) name = *shown;
  }
  return names;
}

Result<void> SharedStore::subscribe(const MailboxName& name) {
  return own_->subscribe(own_name(name));
}

Result<void> SharedStore::unsubscribe(const MailboxName& name) {
  return own_->unsubscribe(own_name(name));
}

}  // namespace pennypost::store
