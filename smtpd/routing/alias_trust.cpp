#include "smtpd/routing/alias_trust.h"

namespace pennypost::smtp {

/// The first alias table that is not owned by root (without root: by us). Anyone who can write an
/// alias table can run commands and read lists.
std::optional<AliasTrust::UsersTable> AliasTrust::users_alias_table() const {
  for (const auto& table : config_->alias_maps) {
    bool is_file = table.name.starts_with('/');
    auto owner = is_file ? host_.file_owner(table.name) : std::nullopt;
    if (owner && *owner != 0 && *owner != host_.own_uid) return UsersTable{table.name, *owner};
  }
  return {};
}

std::string AliasTrust::distrust() const {
  auto table = users_alias_table();
  if (!table) return {};
  return table->name +
         " is not owned by root, so its commands and files are not used; chown root " + table->name;
}

/// The name of the system user with this uid, if he may have mail here, so that a deliver process
/// can read for him.
Result<std::optional<std::string>> AliasTrust::reader_of(std::uint32_t uid) const {
  auto name = host_.user_name(uid);
  if (!name) return std::optional<std::string>();
  TRY(auto account, accounts_->by_name(*name));
  bool is_it = account && account->is_system && account->uid == uid;
  return is_it ? std::move(name) : std::nullopt;
}

/// A list that an alias includes is read here if it is root's, and by a process of its owner if it
/// is a user's. What a user's alias table includes is read by a process of the table's owner.
Result<IncludedList> AliasTrust::included(const std::string& path) const {
  IncludedList included;
  if (auto table = users_alias_table()) {
    TRY(auto reader, reader_of(table->owner));
    if (!reader)
      return Error::temporary("it is included by " + table->name +
                              ", whose owner is neither root nor a user who may have mail here");
    included.read_by = *std::move(reader);
    return included;
  }
  TRY(auto list, host_.read_list(path));
  bool is_ours = list.owner == 0 || list.owner == host_.own_uid;
  if (!is_ours) {
    TRY(auto reader, reader_of(list.owner));
    if (reader) {
      included.read_by = *std::move(reader);
      return included;
    }
    included.distrust = path +
                        " is not owned by root or by a user who may have mail here, so only "
                        "its addresses are used, and only if everybody may read it; chown root " +
                        path;
    if (!list.is_public) return Error::temporary(included.distrust);
  }
  included.text = std::move(list.text);
  return included;
}

}  // namespace pennypost::smtp
