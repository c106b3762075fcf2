#include "common/config/tables.h"

#include <algorithm>
#include <optional>

namespace pennypost {
namespace {

std::vector<TableRef> tables_of_list(std::string_view text) {
  std::vector<TableRef> tables;
  auto items = list_items(text);
  if (!items) return tables;
  for (std::string_view item : *items) {
    if (item.starts_with('!')) item.remove_prefix(1);
    if (!TableRef::is_table(item)) continue;
    auto table = table_of_item(item);
    if (table) tables.push_back(*std::move(table));
  }
  return tables;
}

std::vector<TableRef> tables_of_restrictions(const std::vector<Restriction>& restrictions) {
  std::vector<TableRef> tables;
  for (const auto& restriction : restrictions) {
    if (!TableRef::is_table(restriction.argument)) continue;
    auto table = TableRef::parse(restriction.argument);
    if (table) tables.push_back(*std::move(table));
  }
  return tables;
}

std::vector<TableRef> tables_of(const Parameter& parameter, const std::string& text) {
  if (parameter.kind == "Table" || parameter.kind == "Tables") {
    auto tables = kinds::Tables::parse(text, kinds::any);
    return tables ? *std::move(tables) : std::vector<TableRef>();
  }
  bool is_build_list = parameter.name == "alias_database" || parameter.name == "newaliases_maps";
  if (parameter.kind == "List" && !is_build_list) return tables_of_list(text);
  if (parameter.kind == "Restrictions") {
    auto restrictions = kinds::Restrictions::parse(text, kinds::any);
    return restrictions ? tables_of_restrictions(*restrictions) : std::vector<TableRef>();
  }
  return {};
}

}  // namespace

Result<TableRef> table_of_item(std::string_view item) {
  if (item.starts_with('/')) return TableRef{"list", std::string(item)};
  return TableRef::parse(item);
}

std::vector<NamedTable> tables_in(const Config& config) {
  std::vector<NamedTable> found;
  auto add = [&](const Parameter& parameter, const std::string& text) {
    for (auto& table : tables_of(parameter, text)) {
      bool is_known = std::ranges::any_of(found, [&](const NamedTable& one) {
        return one.parameter == parameter.name && one.table == table;
      });
      if (is_known) continue;
      found.push_back(
          {std::string(parameter.name), config.where(parameter.name), std::move(table)});
    }
  };
  for (const auto& parameter : parameters()) {
    add(parameter, config.text(parameter.name));
    for (std::size_t s = 0; s < service_count; ++s) {
      auto service = static_cast<Service>(s);
      if (parameter.services & bit(service)) add(parameter, config.text(parameter.name, service));
    }
  }
  for (const auto& [place, parameter, text] : config.own_texts()) {
    for (auto& table : tables_of(*parameter, text)) {
      found.push_back({std::string(parameter->name), place, std::move(table)});
    }
  }
  for (const auto& [name, list] : config.restriction_classes) {
    for (auto& table : tables_of_restrictions(list)) {
      found.push_back({name, config.where("smtpd_restriction_classes"), std::move(table)});
    }
  }
  return found;
}

}  // namespace pennypost
