#include "common/config/kinds.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "common/base/text.h"
#include "common/config/nearest.h"
#include "common/config/table_types.h"

namespace pennypost {
namespace {

Error wrong(std::string text) { return Error::permanent(std::move(text)); }

std::string quoted(std::string_view text) { return "\"" + printable(text, 100) + "\""; }

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::array duration_units{Unit{"w", 604800}, Unit{"d", 86400}, Unit{"h", 3600},
                                    Unit{"m", 60}, Unit{"s", 1}};
constexpr std::array byte_units{Unit{"t", std::int64_t{1} << 40}, Unit{"g", 1 << 30},
                                Unit{"m", 1 << 20}, Unit{"k", 1 << 10}, Unit{"b", 1}};

/// The unit of a bare number in a Duration of this range, in seconds.
std::int64_t bare_unit(const Range& range) {
  if (range.choices == nullptr) return 1;
  auto named = [&](const Unit& unit) { return unit.name == range.choices; };
  return std::ranges::find_if(duration_units, named)->factor;
}

/// Parses a number with an optional unit; nothing if it is malformed or too large.
template <std::size_t N>
std::optional<std::int64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                            std::int64_t factor_of_none) {
  auto end = std::ranges::find_if_not(text, is_digit);
  std::string_view digits(text.begin(), end);
  std::string_view unit = text.substr(digits.size());
  auto number = parse_number(digits);
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  std::int64_t factor = factor_of_none;
  if (!unit.empty()) {
    auto found = std::ranges::find_if(
        units, [&](const Unit& candidate) { return equal_nocase(candidate.name, unit); });
    if (found == units.end()) return std::nullopt;
    factor = found->factor;
  }
  auto value = static_cast<std::int64_t>(*number);
  if (value > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return value * factor;
}

Result<std::uint64_t> in_range(std::int64_t value, std::string_view text, const Range& range) {
  if (value < range.min || value > range.max) {
    return wrong(quoted(text) + " is out of range; the value must lie between " +
                 std::to_string(range.min) + " and " + std::to_string(range.max));
  }
  return static_cast<std::uint64_t>(value);
}

Result<std::string> one_line(std::string_view text, const Range& range) {
  auto length = static_cast<std::int64_t>(text.size());
  if (length < range.min) return wrong("the value must not be empty");
  if (length > range.max) {
    return wrong("the value has " + std::to_string(length) + " characters; at most " +
                 std::to_string(range.max) + " are allowed");
  }
  if (text.find('\n') != text.npos) {
    return wrong("the value has more than one line; write it in one");
  }
  if (std::ranges::any_of(text, [](char c) { return is_control(c) && c != '\t'; })) {
    return wrong("the value has a control character; remove it");
  }
  return std::string(text);
}

constexpr std::array table_types{
#define TABLE_TYPE(name, follows, takes_partial_keys, meaning) \
  TableType{#name, TableType::follows, takes_partial_keys},
#include "common/config/table_types.def"
};

/// Postfix's other types: an item of a list that begins with one is a table, which is refused, not
/// a name.
constexpr std::array foreign_table_types{"unix", "proxy",   "randmap", "environ", "fail",
                                         "nis",  "nisplus", "netinfo", "internal"};

/// Those that postmap builds from the same source as hash:.
constexpr std::array built_table_types{"btree", "cdb", "dbm", "lmdb", "sdbm"};

/// What to write instead of an invalid table reference.
std::string table_remedy() {
  std::string types;
  for (const TableType& type : table_types) {
    if (type.follows == TableType::Path) types += std::string(type.name) + ", ";
  }
  return "write TYPE:/path with TYPE one of " + types +
         "or inline:{key=value}, static:value, unionmap:{table, table}, pipemap:{table, table}";
}

}  // namespace

std::optional<Service> parse_service(std::string_view name) {
  auto found = std::ranges::find(service_names, name);
  if (found == service_names.end()) return std::nullopt;
  return static_cast<Service>(found - service_names.begin());
}

std::string_view name_of(Role role) {
  switch (role) {
    case Role::NullClient:
      return "null-client";
    case Role::Relay:
      return "relay";
    case Role::Destination:
      return "destination";
    case Role::None:
      break;
  }
  return "";
}

bool TableRef::is_table(std::string_view text) {
  auto colon = text.find(':');
  if (text.starts_with('/') || colon == text.npos) return text.starts_with('/');
  auto type = text.substr(0, colon);
  return find_table_type(type) != nullptr || !type_read_instead_of(type).empty() ||
         std::ranges::find(foreign_table_types, type) != foreign_table_types.end();
}

std::string_view type_read_instead_of(std::string_view name) {
  bool is_built = std::ranges::find(built_table_types, name) != built_table_types.end();
  return is_built ? "hash" : "";
}

const TableType* find_table_type(std::string_view name) {
  auto found = std::ranges::find(table_types, name, &TableType::name);
  return found != table_types.end() ? &*found : nullptr;
}

Result<TableRef> TableRef::parse(std::string_view text) {
  if (text.starts_with('/')) return TableRef{"hash", std::string(text)};
  auto colon = text.find(':');
  if (colon == text.npos) return wrong(quoted(text) + " does not name a table; " + table_remedy());
  TableRef table{std::string(text.substr(0, colon)), std::string(trim(text.substr(colon + 1)))};
  if (table.type == "proxy") return parse(table.name);
  if (auto type = type_read_instead_of(table.type); !type.empty()) table.type = type;
  if (table.type == "nis" || table.type == "nisplus") {
    return wrong(quoted(text) + ": NIS maps are not supported; write the map to a file (ypcat -k " +
                 printable(table.name, 60) +
                 " > /path) and read that, as hash:/path after postmap");
  }
  if (table.type == "unix") {
    return wrong(quoted(text) + ": the system's users are looked up without a table, where " +
                 "system_users is yes; leave it out");
  }
  const TableType* type = find_table_type(table.type);
  if (type == nullptr) {
    return wrong(quoted(text) + " has an unknown table type; " + table_remedy());
  }
  if (type->follows == TableType::Path && !table.name.starts_with('/')) {
    return wrong(quoted(text) + " needs an absolute path: " + table.type + ":/path");
  }
  return table;
}

Result<std::vector<std::string>> list_items(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  std::size_t depth = 0;
  for (char c : text) {
    if (depth == 0 && (is_space(c) || c == ',')) {
      if (!item.empty()) items.push_back(std::exchange(item, {}));
      continue;
    }
    if (c == '{') ++depth;
    if (c == '}') {
      if (depth == 0) return wrong("a } without a { in " + quoted(text) + "; remove it");
      --depth;
    }
    item += c;
  }
  if (depth != 0) return wrong("a { without its } in " + quoted(text) + "; add it");
  if (!item.empty()) items.push_back(std::move(item));
  if (items.size() > list_items_max) {
    return wrong("the list has more than " + std::to_string(list_items_max) +
                 " items; put them into a table");
  }
  return items;
}

std::string duration_text(std::chrono::seconds duration) {
  for (const Unit& unit : duration_units) {
    if (duration.count() != 0 && duration.count() % unit.factor == 0) {
      return std::to_string(duration.count() / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(duration.count()) + "s";
}

namespace kinds {

Result<std::string> Text::parse(std::string_view text, const Range& range) {
  return one_line(text, range);
}

Result<std::string> Choice::parse(std::string_view text, const Range& range) {
  ASSERT(range.choices != nullptr);
  if (text.empty()) return std::string();
  std::string choices = range.choices;
  for (std::string_view choice : split(choices, '|')) {
    if (equal_nocase(choice, text)) return std::string(choice);
  }
  std::string names;
  for (std::string_view choice : split(choices, '|'))
    names += (names.empty() ? "" : ", ") + std::string(choice);
  return wrong(quoted(text) + " is not one of: " + names);
}

Result<std::string> Path::parse(std::string_view text, const Range& range) {
  if (text.starts_with('<')) text = trim(text.substr(1));
  TRY(std::string path, one_line(text, range));
  if (!path.empty() && path[0] != '/') {
    return wrong(quoted(text) + " is not an absolute path; begin it with /");
  }
  return path;
}

Result<bool> Flag::parse(std::string_view text, const Range&) {
  if (equal_nocase(text, "yes") || equal_nocase(text, "true")) return true;
  if (equal_nocase(text, "no") || equal_nocase(text, "false")) return false;
  return wrong(quoted(text) + " is neither yes nor no");
}

Result<std::uint64_t> Number::parse(std::string_view text, const Range& range) {
  auto number = parse_number(text);
  if (!number) return wrong(quoted(text) + " is not a number; write only digits");
  if (*number > static_cast<std::uint64_t>(range.max)) {
    return in_range(std::numeric_limits<std::int64_t>::max(), text, range);
  }
  return in_range(static_cast<std::int64_t>(*number), text, range);
}

Result<std::int64_t> SignedNumber::parse(std::string_view text, const Range& range) {
  bool is_negative = text.starts_with('-');
  auto number = parse_number(is_negative ? text.substr(1) : text);
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return wrong(quoted(text) + " is not a number; write one such as -3");
  }
  auto value = static_cast<std::int64_t>(*number);
  if (is_negative) value = -value;
  TRY_DO(in_range(value, text, range));
  return value;
}

Result<Limit> CountLimit::parse(std::string_view text, const Range& range) {
  TRY(auto most, Number::parse(text, range));
  return Limit(most);
}

Result<std::uint16_t> Port::parse(std::string_view text, const Range& range) {
  TRY(auto port, Number::parse(text, range));
  return static_cast<std::uint16_t>(port);
}

Result<std::chrono::seconds> Duration::parse(std::string_view text, const Range& range) {
  auto count = parse_with_unit(text, duration_units, bare_unit(range));
  if (!count) return wrong(quoted(text) + " is not a time; write 300s, 5m, 1h, 1d or 1w");
  if (*count < range.min || *count > range.max) {
    return wrong(quoted(text) + " is out of range; the time must lie between " +
                 duration_text(std::chrono::seconds(range.min)) + " and " +
                 duration_text(std::chrono::seconds(range.max)));
  }
  return std::chrono::seconds(*count);
}

Result<std::uint64_t> Bytes::parse(std::string_view text, const Range& range) {
  auto count = parse_with_unit(text, byte_units, 1);
  if (!count) return wrong(quoted(text) + " is not a size; write 10240000, 10k, 10M or 1G");
  return in_range(*count, text, range);
}

Result<Limit> SizeLimit::parse(std::string_view text, const Range& range) {
  TRY(auto most, Bytes::parse(text, range));
  return Limit(most);
}

Result<std::vector<std::string>> List::parse(std::string_view text, const Range& range) {
  TRY(auto items, list_items(text));
  if (static_cast<std::int64_t>(items.size()) < range.min) {
    return wrong("the list needs at least " + std::to_string(range.min) + " item(s)");
  }
  if (static_cast<std::int64_t>(items.size()) > range.max) {
    return wrong("the list may have at most " + std::to_string(range.max) + " items");
  }
  return items;
}

Result<TableRef> Table::parse(std::string_view text, const Range&) {
  if (trim(text).empty()) return TableRef{};
  TRY(auto items, list_items(text));
  if (items.size() != 1) return wrong(quoted(text) + " names more than one table; give one");
  return TableRef::parse(items[0]);
}

Result<std::vector<TableRef>> Tables::parse(std::string_view text, const Range&) {
  TRY(auto items, list_items(text));
  std::vector<TableRef> tables;
  for (const std::string& item : items) {
    TRY(auto table, TableRef::parse(item));
    tables.push_back(std::move(table));
  }
  return tables;
}

Result<Role> RoleName::parse(std::string_view text, const Range&) {
  for (Role role : {Role::None, Role::NullClient, Role::Relay, Role::Destination}) {
    if (equal_nocase(text, name_of(role))) return role;
  }
  return wrong(quoted(text) + " is not a role; write null-client, relay or destination");
}

}  // namespace kinds
}  // namespace pennypost
