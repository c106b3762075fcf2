// Finds the tables named in the settings that the calling process can't read, says why, and knows
// which user reads a table.
//
// SEE ALSO   ../../common/config/tables.h
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/tables.h"
#include "common/process/privileges.h"

namespace pennypost::store {

/// What is wrong with the table, `FILE:LINE: SETTING: reason`; empty where it can be read. A table
/// that only Pennypost writes (users, credentials) may be absent, and so may the built-in
/// alias_maps. Blocks: the table is opened, its source parsed.
std::string problem_of(const Config& config, const NamedTable& named);

/// The problems of all tables that `lookup` reads: all but credentials_map.
std::vector<std::string> lookup_table_problems(const Config& config);

/// Of those that `auth` reads.
std::vector<std::string> auth_table_problems(const Config& config);

/// The user whose process reads hash:`file`: auth's for credentials_map, else lookup's. Nothing
/// where that is root or does not exist; nor for users_map, which both read and which holds no
/// secret.
std::optional<Identity> reader_of(const Config& config, const std::string& file);

}  // namespace pennypost::store
