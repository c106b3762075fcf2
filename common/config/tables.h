// Finds every look-up table named in the settings, in any kind of setting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace pennypost {

/// The table named by an item of a list (mydestination, mynetworks): like TableRef::parse(), but a
/// bare `/path` is a file of names, as in Postfix, of type `list`.
Result<TableRef> table_of_item(std::string_view item);

struct NamedTable {
  std::string parameter;  ///< `transport_maps`
  std::string where;      ///< `FILE:LINE`, or `default of NAME`
  TableRef table;
};

/// The tables that the daemons read, once for each parameter, in the order of the parameters:
/// tables, tables among the items of lists, and those of restrictions; for the host and its
/// services. Without those that only newaliases builds.
std::vector<NamedTable> tables_in(const Config& config);

}  // namespace pennypost
