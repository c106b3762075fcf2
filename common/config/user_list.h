// Matches the lists of local users who may do something: authorized_submit_users, `!www,
// static:all`.
//
// An item is a name, a table that holds names, or `/path` of a file of names; with `!` before it,
// whom it matches may not. The first item that matches decides; whom none matches may not. A user
// who is not in the host's database has the name `unknown`.
//
// STANDARDS  none; Postfix's string_list(3)
// SEE ALSO   tables.h (tables among the items of a list)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost {

/// What a local user may do with the queue, each with a list of its own.
enum class LocalRight : std::uint8_t { Submit, List, Flush };
constexpr LocalRight wire_last(LocalRight) { return LocalRight::Flush; }

/// authorized_submit_users, authorized_mailq_users, authorized_flush_users.
const std::vector<std::string>& authorized_users(const Settings& settings, LocalRight right);

/// Whether a list begins with `static:…`, so that nobody needs to be looked up.
bool admits_everybody(const std::vector<std::string>& list);

/// Whether a table holds the name. Error: it can't be read now.
using HoldsName = std::function<Result<bool>(const TableRef& table, std::string_view name)>;
/// Whether the list lets this user in. Error: a table before the item that decides can't be read.
Result<bool> is_listed_user(const std::vector<std::string>& list, std::string_view user,
                            const HoldsName& holds);

/// Why a user may not: `User ann(1000) is not allowed to submit mail`.
std::string right_refused(LocalRight right, std::string_view user, std::uint32_t uid);

}  // namespace pennypost
