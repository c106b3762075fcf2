#include "common/config/network_tables.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/config/value_check.h"

namespace pennypost {
namespace {

bool is_table_item(std::string_view item) {
  return TableRef::is_table(item.substr(item.starts_with('!') ? 1 : 0));
}

bool is_read_at_start(std::string_view name) {
  const auto& names = network_settings();
  return name != "mynetworks" && std::ranges::find(names, name) != names.end();
}

/// The list with its tables replaced; nothing: it has none.
Result<std::optional<std::string>> without_tables(const std::string& text,
                                                  const ReadNetworks& read) {
  std::optional<std::string> none;
  TRY(auto items, list_items(text));
  if (std::ranges::none_of(items, is_table_item)) return none;
  std::string list;
  for (const auto& item : items) {
    std::vector<std::string> networks{item};
    std::string excluded;
    if (is_table_item(item)) {
      if (item.starts_with('!')) excluded = "!";
      TRY(auto table, table_of_item(std::string_view(item).substr(excluded.size())));
      TRY(networks, read(table));
    }
    for (const auto& network : networks) {
      if (!list.empty()) list += ", ";
      list += excluded + network;
    }
    if (list.size() > static_cast<std::size_t>(setting_bytes_max)) {
      return Error::permanent(
          "the networks of its tables have more than " + std::to_string(setting_bytes_max) +
          " characters, which is the most that a list may have; put them together into fewer, or "
          "refuse by an access table");
    }
  }
  return std::optional(std::move(list));
}

}  // namespace

Result<std::shared_ptr<const Config>> with_networks_read(std::shared_ptr<const Config> config,
                                                         const ReadNetworks& read) {
  std::string before = config->to_text();
  std::string after;
  bool has_changed = false;
  for (std::string_view line : split(before, '\n')) {
    if (line.empty()) continue;
    // Service or `-`, name, where, text.
    auto fields = split(line, '\t');
    if (fields.size() == 4 && fields[0] != "class" && is_read_at_start(fields[1])) {
      auto list = without_tables(std::string(fields[3]), read);
      bool is_default = fields[2].starts_with("default of ");
      if (!list && !is_default) {
        return Error::permanent(std::string(fields[2]) + ": " + std::string(fields[1]) + ": " +
                                list.error().text());
      }
      if (list && *list) {
        add(after, fields[0], '\t', fields[1], '\t', fields[2], '\t', **list, '\n');
        has_changed = true;
        continue;
      }
    }
    add(after, line, '\n');
  }
  if (!has_changed) return config;
  return Config::from_text(after);
}

}  // namespace pennypost
