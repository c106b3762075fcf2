// Asks several tables as one: unionmap: and pipemap:.
#include <algorithm>
#include <memory>

#include "store/maps/notation.h"
#include "store/maps/openers.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;

using Members = std::vector<std::unique_ptr<Map>>;

class UnionMap final : public Map {
 public:
  UnionMap(std::string name, Members members)
      : Map(std::move(name)), members_(std::move(members)) {}

  Value lookup(std::string_view key) const override {
    std::optional<std::string> all;
    for (const auto& member : members_) {
      TRY(auto value, member->lookup(key));
      if (!value) continue;
      all = all ? *all + "," + *value : *value;
      if (all->size() > map_value_bytes_max) return Error::temporary(name() + ": value too long");
    }
    return all;
  }
  Result<void> ready() const override { return members_ready(members_); }
  bool takes_partial_keys() const override { return members_take_partial_keys(members_); }

  static bool members_take_partial_keys(const Members& members) {
    return std::ranges::all_of(members, [](const auto& map) { return map->takes_partial_keys(); });
  }
  static Result<void> members_ready(const Members& members) {
    for (const auto& map : members) {
      TRY_DO(map->ready());
    }
    return {};
  }

 private:
  Members members_;
};

class PipeMap final : public Map {
 public:
  PipeMap(std::string name, Members members) : Map(std::move(name)), members_(std::move(members)) {}

  Value lookup(std::string_view key) const override {
    std::optional<std::string> value{key};
    for (const auto& member : members_) {
      TRY(value, member->lookup(*value));
      if (!value) break;
    }
    return value;
  }
  Result<void> ready() const override { return UnionMap::members_ready(members_); }
  bool takes_partial_keys() const override { return UnionMap::members_take_partial_keys(members_); }

 private:
  Members members_;
};

Result<Members> open_members(const TableRef& table, const MapOptions& options, std::size_t depth) {
  if (depth == map_nesting_max) return wrong_table(table, "nested too deep");
  auto items = brace_items(table.name);
  if (!items) return wrong_table(table, items.error().text());
  if (items->empty()) return wrong_table(table, "names no table");
  if (items->size() > map_members_max) {
    return wrong_table(table, "more than " + std::to_string(map_members_max) + " tables");
  }
  Members members;
  for (const auto& item : *items) {
    TRY(auto member, TableRef::parse(item));
    TRY(auto map, open_nested(member, options, depth + 1));
    members.push_back(std::move(map));
  }
  return members;
}

}  // namespace

OpenedMap open_unionmap(const TableRef& table, const MapOptions& options, std::size_t depth) {
  TRY(auto members, open_members(table, options, depth));
  return std::unique_ptr<Map>(std::make_unique<UnionMap>(table.text(), std::move(members)));
}

OpenedMap open_pipemap(const TableRef& table, const MapOptions& options, std::size_t depth) {
  TRY(auto members, open_members(table, options, depth));
  return std::unique_ptr<Map>(std::make_unique<PipeMap>(table.text(), std::move(members)));
}

}  // namespace pennypost::store
