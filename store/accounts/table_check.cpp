#include "store/accounts/table_check.h"

#include <algorithm>

#include "store/maps/map.h"

namespace pennypost::store {
namespace {

bool may_be_absent(const Config& config, const NamedTable& named) {
  bool is_ours = named.parameter == "users_map" || named.parameter == "credentials_map" ||
                 named.parameter == "blocked_users_map" || named.table == config.domains_map;
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
  return problems_where(config, [](const auto& name) {
    return name == "credentials_map" || name == "users_map" || name == "blocked_users_map";
  });
}

std::optional<Identity> reader_of(const Config& config, const std::string& file) {
  auto all = tables_in(config);
  auto is_of = [&](std::string_view parameter) {
    return std::ranges::any_of(all, [&](const NamedTable& named) {
      return named.parameter == parameter && named.table.type == "hash" && named.table.name == file;
    });
  };
  bool is_for_auth = is_of("credentials_map");
  if (is_of("users_map") || (is_for_auth && config.system_users)) return std::nullopt;
  auto user = Identity::find(is_for_auth ? config.auth_user : config.mail_owner);
  if (!user || !*user || (*user)->uid == 0) return std::nullopt;
  return *std::move(user);
}

}  // namespace pennypost::store
