// Finds the tables named in the settings that the calling process can't read, and tells which
// user's process reads a table.
//
// SEE ALSO   ../../common/config/tables.h
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/tables.h"
#include "common/process/privileges.h"

namespace pennypost::store {

/// What is wrong with the table, as `FILE:LINE: SETTING: reason`; empty if it can be read. A table
/// that only Pennypost writes (users, credentials) may be absent, and so may the default
/// alias_maps. Blocks: the table is opened, its source parsed.
std::string problem_of(const Config& config, const NamedTable& named);

/// The problems of all tables that `lookup` reads: all but credentials_map.
std::vector<std::string> lookup_table_problems(const Config& config);

/// The problems of those that `auth` reads.
std::vector<std::string> auth_table_problems(const Config& config);

/// The user whose process reads hash:`file`: auth's for credentials_map, else lookup's. Nothing if
/// that is root or does not exist, and for users_map, which both read and which holds no secret.
std::optional<Identity> reader_of(const Config& config, const std::string& file);

}  // namespace pennypost::store
