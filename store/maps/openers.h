// Opens a table of each type: one function for each row of common/config/table_types.def.
#pragma once

#include <memory>

#include "store/maps/map.h"

namespace pennypost::store {

using OpenedMap = Result<std::unique_ptr<Map>>;

/// `open_TYPE`, each in the file that has its Map. `depth`: how many tables this one is a member
/// of, at most `map_nesting_max`. Error: its text begins with the reference to the table.
#define TABLE_TYPE(name, follows, takes_partial_keys, meaning) \
  OpenedMap open_##name(const TableRef& table, const MapOptions& options, std::size_t depth);
#include "common/config/table_types.def"

/// Opens a file of names that a list has taken in, which no reference can name.
OpenedMap open_list(const TableRef& table, const MapOptions& options);

/// Opens a table of any type.
OpenedMap open_nested(const TableRef& table, const MapOptions& options, std::size_t depth);

/// The reference to a table can't be followed, for this reason.
Error wrong_table(const TableRef& table, const std::string& reason);

}  // namespace pennypost::store
