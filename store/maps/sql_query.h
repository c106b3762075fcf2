// Reads what the settings of mysql:, pgsql: and sqlite: tables have in common: the query, and the
// servers.
//
//   query = SELECT destination FROM aliases WHERE address = '%s'
//
// Without `query`, one is made of table, select_field, where_field and additional_conditions, as in
// old files of Postfix. What is filled in must stand in quotes: it comes from strangers.
//
// STANDARDS  none; Postfix's mysql_table(5), pgsql_table(5), sqlite_table(5)
#pragma once

#include <array>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/maps/key_template.h"
#include "store/maps/source_settings.h"

namespace pennypost::store {

inline constexpr std::array sql_query_rows{
    SourceSetting{"additional_conditions", ""}, SourceSetting{"query", ""},
    SourceSetting{"select_field", ""},          SourceSetting{"table", ""},
    SourceSetting{"where_field", ""},
};
inline constexpr std::array sql_host_rows{
    SourceSetting{"hosts", ""},
    SourceSetting{"idle_interval", "60", SourceSetting::Number},
    SourceSetting{"retry_interval", "60", SourceSetting::Number},
};

/// `quotes`: those between which the server's library makes text safe. Error: there is no query, or
/// it puts in a part outside of quotes.
Result<KeyTemplate> sql_query(const SourceSettings& settings, std::string_view quotes);

/// A server of the setting `hosts`: `unix:/path`, `inet:host:port`, `host:port`,
/// `[2001:db8::1]:port`.
struct SqlHost {
  std::string path;  // of a socket; empty: none
  std::string name;
  std::string port;  // empty: the usual one

  static SqlHost parse(std::string_view text);
};

/// The setting `hosts`; `localhost` where it is empty.
std::vector<std::string> sql_hosts(const SourceSettings& settings);

}  // namespace pennypost::store
