// Tells what the type of a look-up table means for its reference and its use.
//
// SEE ALSO   table_types.def (the rows), ../../store/maps/map.h (the tables)
#pragma once

#include <string_view>

namespace pennypost {

struct TableType {
  enum Follows { Path, Text };
  std::string_view name;
  Follows follows;          // the colon
  bool takes_partial_keys;  // whether it is asked for parts of an address
};

/// Null where no table of this type is read here.
const TableType* find_table_type(std::string_view name);

}  // namespace pennypost
