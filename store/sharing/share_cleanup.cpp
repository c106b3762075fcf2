#include "store/sharing/share_cleanup.h"

#include <unistd.h>

#include "store/sharing/acl_file.h"
#include "store/sharing/other_users.h"

namespace pennypost::store {
namespace {

// In the lists of one owner.
Result<void> rename_in_lists(MailStore& store, const std::string& old_name,
                             const std::string& new_name) {
  TRY(auto folders, store.list());
  for (const auto& folder : folders) {
    if (!folder.exists) continue;
    TRY(auto file, AclFile::of(store, folder.name));
    auto acl = file.read();
    if (!acl && !acl.error().is_temporary()) continue;  // it grants nothing
    if (!acl) return std::move(acl).error();
    if (!acl->rename_user(old_name, new_name)) continue;
    TRY_DO(file.change([&](Acl& current) -> Result<void> {
      current.rename_user(old_name, new_name);
      return {};
    }));
  }
  return {};
}

Result<void> rename_for(OtherUsers& users, const std::string& owner, const std::string& old_name,
                        const std::string& new_name) {
  TRY(auto store, users.open(owner));
  if (!store) return users.shares().set(owner, {});
  TRY_DO(rename_in_lists(*store, old_name, new_name));
  return users.shares().recount(owner, *store);
}

}  // namespace

bool has_shares(const Config& config) {
  auto path = config.virtual_mailbox_base + "/" + std::string(ShareRegister::file_name);
  return ::access(path.c_str(), F_OK) == 0;
}

Result<void> rename_in_shares(const std::shared_ptr<const Config>& config,
                              const std::string& old_name, const std::string& new_name) {
  OtherUsers users(config, [](StoreSettings&) {});
  Identifier who{Identifier::Kind::User, old_name};
  TRY(auto owners, users.shares().owners_of(who.text()));
  Result<void> all_done;
  auto note = [&](Result<void> done) {
    if (!done && all_done) all_done = std::move(done);
  };
  for (const auto& owner : owners) note(rename_for(users, owner, old_name, new_name));
  note(users.shares().set(old_name, {}));
  if (new_name.empty()) return all_done;
  auto store = users.open(new_name);
  if (store && *store) note(users.shares().recount(new_name, **store));
  return all_done;
}

}  // namespace pennypost::store
