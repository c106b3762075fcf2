#include "store/maps/explained_lookup.h"

#include "common/base/explanation.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t searched_bytes_max = 64 << 20;
constexpr std::size_t shown_bytes_max = 200;

/// The key of a table's or an alias file's line.
std::string_view key_of(std::string_view line) {
  if (line.starts_with('"')) {
    auto end = line.find('"', 1);
    return line.substr(1, end == line.npos ? end : end - 1);
  }
  auto blank = line.find_first_of(" \t");
  std::string_view key = line.substr(0, blank);
  auto colon = line.find(':');
  // `name: value`, and `name :value`; a colon within a key, as of IPv6, has something behind it.
  if (colon != line.npos && colon + 1 == key.size()) key.remove_suffix(1);
  return key;
}

/// `hash:/etc/x` without secrets: a password table's values are not shown.
std::string shown_value(const std::string& table, const std::string& value) {
  if (table.find("passw") != table.npos || table.find("credential") != table.npos)
    return "(hidden)";
  return printable(value, shown_bytes_max);
}

}  // namespace

std::string source_place(const std::string& table, std::string_view key) {
  auto colon = table.find(':');
  const std::string type = table.substr(0, colon);
  if (colon == table.npos || (type != "hash" && type != "texthash")) return "";
  const std::string path = table.substr(colon + 1);
  auto text = read_file(path, searched_bytes_max);
  if (!text || !*text) return "";
  LogicalLines lines(**text);
  while (auto line = lines.next()) {
    if (equal_nocase(key_of(line->text), key)) return path + ":" + std::to_string(line->number);
  }
  return "";
}

void explain_lookup(const Map& map, std::string_view key,
                    const Result<std::optional<std::string>>& value) {
  if (value && !*value) return;
  Explanation::add([&] {
    if (!value) return map.name() + " can't answer: " + value.error().text();
    const std::string place = source_place(map.name(), key);
    return (place.empty() ? map.name() : place) + ": " + printable(key, shown_bytes_max) + " is " +
           shown_value(map.name(), **value);
  });
}

}  // namespace pennypost::store
