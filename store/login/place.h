// Decides which process may touch an account's mail, and as which user it runs.
//
// Only the account's name counts: the master looks up the uid itself, whatever a child says, and
// refuses root and system users outside first_valid_uid and last_valid_uid. Own users share the uid
// of `virtual_mail_owner` and are spread over shards by name.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/privileges.h"
#include "store/accounts/account_ref.h"

namespace pennypost::store {

struct Place {
  std::string instance;    // a system user's name, or `own-SHARD`
  bool is_shared = false;  // by own users, who share processes
  Identity identity;       // empty for own users if we are not root and can't change users
};

/// Errors: no such user any more (temporary), a uid that may own no mail (permanent).
Result<Place> place_of(const Config& config, const AccountRef& account, std::size_t shards);

}  // namespace pennypost::store
