#include "store/maps/sql_query.h"

namespace pennypost::store {
namespace {

/// Of the old settings.
Result<std::string> made_query(const SourceSettings& settings) {
  for (const char* name : {"select_field", "table", "where_field"}) {
    if (settings.text(name).empty()) {
      return settings.wrong("query",
                            "is missing; write query = SELECT value FROM table WHERE "
                            "key = '%s'");
    }
  }
  return "SELECT " + settings.text("select_field") + " FROM " + settings.text("table") + " WHERE " +
         settings.text("where_field") + " = '%s' " + settings.text("additional_conditions");
}

}  // namespace

Result<KeyTemplate> sql_query(const SourceSettings& settings, std::string_view quotes) {
  std::string text = settings.text("query");
  if (text.empty()) {
    TRY(text, made_query(settings));
  }
  auto query = KeyTemplate::parse(text, KeyTemplate::Of::Key);
  if (!query) return settings.wrong("query", query.error().text());
  auto unquoted = query->unquoted(quotes);
  if (!unquoted.empty()) {
    return settings.wrong("query", "has " + unquoted + " outside of quotes, where what a client " +
                                       "sends would be read as SQL; write '" + unquoted + "'");
  }
  return query;
}

SqlHost SqlHost::parse(std::string_view text) {
  SqlHost host;
  if (text.starts_with("unix:")) {
    host.path = text.substr(5);
    return host;
  }
  if (text.starts_with("inet:")) text.remove_prefix(5);
  auto end = text.starts_with('[') ? text.find(']') : text.npos;
  auto colon = text.find(':', end == text.npos ? 0 : end);
  auto name = text.substr(0, colon);
  if (end != text.npos) name = text.substr(1, end - 1);
  host.name = name;
  if (colon != text.npos) host.port = text.substr(colon + 1);
  return host;
}

std::vector<std::string> sql_hosts(const SourceSettings& settings) {
  auto hosts = settings.words("hosts");
  if (hosts.empty()) hosts.emplace_back("localhost");
  return hosts;
}

}  // namespace pennypost::store
