#include "store/maps/map.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "store/maps/explained_lookup.h"
#include "store/maps/openers.h"

namespace pennypost::store {
namespace {

struct Opener {
  std::string_view type;
  OpenedMap (*open)(const TableRef& table, const MapOptions& options, std::size_t depth);
};

constexpr std::array openers{
#define TABLE_TYPE(name, follows, takes_partial_keys, meaning) Opener{#name, &open_##name},
#include "common/config/table_types.def"
};

}  // namespace

Error wrong_table(const TableRef& table, const std::string& reason) {
  return Error::permanent(table.text() + ": " + reason);
}

OpenedMap open_nested(const TableRef& table, const MapOptions& options, std::size_t depth) {
  // A file that a list of names has taken in, which no reference can name.
  if (table.type == "list") {
    return open_list(table, options);
  }
  auto opener = std::ranges::find(openers, table.type, &Opener::type);
  if (opener != openers.end()) return opener->open(table, options, depth);
  std::string known;
  for (const Opener& one : openers) known += (known.empty() ? "" : ", ") + std::string(one.type);
  return wrong_table(table, "unknown type of table; known are " + known);
}

std::string file_stamp(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return "absent";
  return std::to_string(status.st_dev) + "/" + std::to_string(status.st_ino) + "/" +
         std::to_string(status.st_size) + "/" + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

Result<void> Map::each(
    const std::function<void(std::string_view key, std::string_view value)>&) const {
  return Error::permanent(name() + ": the entries of this type of table can't be listed");
}

Result<std::unique_ptr<Map>> Map::open(const TableRef& table, const MapOptions& options) {
  return open_nested(table, options, 0);
}

Result<MapList> MapList::open(const std::vector<TableRef>& tables, const MapOptions& options) {
  MapList list;
  for (const auto& table : tables) {
    TRY(std::shared_ptr<const Map> map, Map::open(table, options));
    list.maps_.push_back(std::move(map));
  }
  return list;
}

Result<std::optional<std::string>> MapList::lookup(std::string_view key, Key kind) const {
  const std::optional<std::string> absent;
  if (key.size() > map_key_bytes_max) return absent;
  for (const auto& map : maps_) {
    if (kind == Key::Partial && !map->takes_partial_keys()) continue;
    auto value = map->lookup(key);
    explain_lookup(*map, key, value);
    if (!value || *value) return value;
  }
  return absent;
}

}  // namespace pennypost::store
