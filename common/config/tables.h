// Finds every look-up table that the settings name, whatever kind of setting names it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace pennypost {

/// The table that an item of a list (mydestination, mynetworks) names: as TableRef::parse(), but a
/// bare `/path` is a file of names, as in Postfix, of type `list`.
Result<TableRef> table_of_item(std::string_view item);

struct NamedTable {
  std::string parameter;  ///< `transport_maps`
  std::string where;      ///< `FILE:LINE`, or `default of NAME`
  TableRef table;
};

/// Those that the daemons read, each parameter's once, in the order of the parameters: tables,
/// tables among the items of lists, and those of restrictions; of the host and of its services. Not
/// those that only newaliases builds.
std::vector<NamedTable> tables_in(const Config& config);

}  // namespace pennypost
