// Says for an Explanation what a table was asked, what it answered, and where that stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/maps/map.h"

namespace pennypost::store {

/// To be called with each answer of a table. Absent keys are not told: most are.
void explain_lookup(const Map& map, std::string_view key,
                    const Result<std::optional<std::string>>& value);

/// `/etc/aliases:7`, where the key stands in the source of a hash: or texthash: table; empty if it
/// can't be found. `table`: as Map::name() says.
std::string source_place(const std::string& table, std::string_view key);

}  // namespace pennypost::store
