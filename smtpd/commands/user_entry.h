// `pennypost user show`, `set` and `quota`: the fields of users and of domains.
//
// SEE ALSO  user.cpp (the manual), ../../store/accounts/user_fields.h (the fields)
#pragma once

#include <iosfwd>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {

/// Prints what is so for a user: the entry's fields, completed by the domain's, with the place of
/// the mail; or the fields of a domain's entry. Error 550: no such user.
Result<void> show_user(const std::shared_ptr<const Config>& config, const store::OwnUsers& users,
                       const std::string& name, bool as_json, std::ostream& out);

/// Takes `FIELD=VALUE`; `FIELD=` removes a field. Errors: the form is another, or those of
/// OwnUsers::change_fields().
Result<void> set_fields(const store::OwnUsers& users, const std::string& name,
                        std::span<const std::string> assignments, std::ostream& out);

/// Replaces the quota rules, or prints those in force if none are given; `none` removes the user's
/// own.
Result<void> set_quota(const std::shared_ptr<const Config>& config, const store::OwnUsers& users,
                       const std::string& name, std::span<const std::string> rules,
                       std::ostream& out);

}  // namespace pennypost::smtp
