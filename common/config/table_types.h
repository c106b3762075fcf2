// Describes the types of look-up tables: what their references look like, and how they are
// searched.
//
// SEE ALSO   table_types.def (the rows), ../../store/maps/map.h (the tables)
#pragma once

#include <string_view>

namespace pennypost {

struct TableType {
  enum Follows { Path, Text };
  std::string_view name;
  Follows follows;          // what follows the colon
  bool takes_partial_keys;  // whether it is searched for parts of an address
};

/// Null if this type is unknown.
const TableType* find_table_type(std::string_view name);

/// The type as which a table of Postfix's other types is read: `hash` for those that postmap builds
/// (btree, cdb, dbm, lmdb, sdbm). Empty for all others.
std::string_view type_read_instead_of(std::string_view name);

}  // namespace pennypost
