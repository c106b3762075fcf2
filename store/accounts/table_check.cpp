#include "store/accounts/table_check.h"

#include "store/maps/map.h"

namespace pennypost::store {
namespace {

bool may_be_absent(const Config& config, const NamedTable& named) {
  bool is_ours = named.parameter == "users_map" || named.parameter == "credentials_map";
  bool is_default_alias =
      named.parameter == "alias_maps" && config.where("alias_maps").starts_with("default of ");
  return is_ours || is_default_alias;
}

template <class Condition>
std::vector<std::string> problems_where(const Config& config, Condition is_meant) {
  std::vector<std::string> problems;
  for (const auto& named : tables_in(config)) {
    if (!is_meant(named.parameter)) continue;
    auto problem = problem_of(config, named);
    if (!problem.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace

std::string problem_of(const Config& config, const NamedTable& named) {
  MapOptions options;
  options.absent_is_empty = may_be_absent(config, named);
  auto map = Map::open(named.table, options);
  auto ready = map ? (*map)->ready() : Result<void>(map.error());
  if (ready) return "";
  return named.where + ": " + named.parameter + ": " + ready.error().text();
}

std::vector<std::string> lookup_table_problems(const Config& config) {
  return problems_where(config, [](const auto& name) { return name != "credentials_map"; });
}

std::vector<std::string> auth_table_problems(const Config& config) {
  return problems_where(
      config, [](const auto& name) { return name == "credentials_map" || name == "users_map"; });
}

}  // namespace pennypost::store
