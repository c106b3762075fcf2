#include "store/login/place.h"

#include <functional>

namespace pennypost::store {
namespace {

Result<Place> place_of_system_user(const Config& config, const std::string& name) {
  Place place;
  TRY(auto found, Identity::find(name));
  if (!found) return Error::temporary("4.3.0", "the user no longer exists: " + name);
  place.identity = *std::move(found);
  auto uid = place.identity.uid;
  bool is_in_range = uid >= config.first_valid_uid && config.last_valid_uid.allows(uid);
  if (is_root() && (uid == 0 || !is_in_range)) {
    return Error::permanent("5.7.1", "uid " + std::to_string(uid) + " of " + name +
                                         " is outside first_valid_uid and last_valid_uid");
  }
  place.instance = name;
  return place;
}

}  // namespace

Result<Place> place_of(const Config& config, const AccountRef& account, std::size_t shards) {
  if (account.is_system) return place_of_system_user(config, account.name);
  Place place;
  if (is_root()) {
    TRY(place.identity, Identity::of_user(config.virtual_mail_owner, "virtual_mail_owner"));
    if (place.identity.uid == 0) return Error::permanent("5.7.1", "virtual_mail_owner is root");
  }
  std::size_t shard = std::hash<std::string>{}(account.name) % shards;
  place.is_shared = true;
  place.instance = "own-" + std::to_string(shard);
  return place;
}

}  // namespace pennypost::store
