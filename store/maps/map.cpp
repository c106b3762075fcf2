#include "store/maps/map.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "common/base/text.h"
#include "common/config/table_types.h"
#include "common/mail/idn.h"
#include "store/maps/cidr_rules.h"
#include "store/maps/generation.h"
#include "store/maps/name_list.h"
#include "store/maps/notation.h"
#include "store/maps/pattern_rules.h"
#include "store/maps/reloading.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;
using Use = std::function<void(std::string_view key, std::string_view value)>;

const std::optional<std::string> absent;

/// A table with keys of its own, which are asked in both spellings.
class KeyedMap : public Map {
 public:
  using Map::Map;
  Value lookup(std::string_view key) const final {
    auto value = find(key);
    if (!value || *value) return value;
    auto other = other_spelling(key);
    return other ? find(*other) : value;
  }

 private:
  virtual Value find(std::string_view key) const = 0;
};

// hash:

/// What postmap built; no database where the table is absent and counts as empty.
struct HashContent {
  std::optional<Database> database;
};

Result<std::shared_ptr<const HashContent>> load_hash(const std::string& base,
                                                     bool absent_is_empty) {
  using Loaded = std::shared_ptr<const HashContent>;
  auto content = std::make_shared<HashContent>();
  if (absent_is_empty && is_table_absent(base)) return Loaded(std::move(content));
  auto opened = open_generation(base);
  if (opened) {
    content->database.emplace(std::move(opened->database));
    return Loaded(std::move(content));
  }
  bool is_missing = storage_problem(opened.error()) == StorageProblem::Absent;
  std::string remedy =
      is_missing ? "; build it: postmap " + base + " (newaliases for aliases)" : "";
  return Error(451, opened.error().text() + remedy);
}

class HashMap final : public KeyedMap {
 public:
  HashMap(std::string name, std::string base, const MapOptions& options)
      : KeyedMap(std::move(name)),
        generation_(
            options,
            [base] {
              auto current = current_generation(base);
              if (current) return current->string();
              return std::string(is_table_absent(base) ? "absent" : "not built");
            },
            // A table that was there and has gone, with its disk perhaps, is no empty one: the
            // entries it had stay in use.
            [base, may_be_absent = options.absent_is_empty]() mutable {
              auto loaded = load_hash(base, may_be_absent);
              if (loaded && (*loaded)->database) may_be_absent = false;
              return loaded;
            }) {}

  Value find(std::string_view key) const override {
    TRY(auto content, generation_.content());
    if (!content->database) return absent;
    return content->database->find(folded_key_of_table(key));
  }
  Result<void> ready() const override {
    TRY_DO(generation_.content());
    return {};
  }

  Result<void> each(const Use& use) const override {
    TRY(auto content, generation_.content());
    if (!content->database) return {};
    auto entry = content->database->scan("");
    for (; entry.valid(); entry.next()) use(entry.key(), entry.value());
    return entry.status();
  }
  std::string stamp() const override { return generation_.stamp(); }

 private:
  Reloading<HashContent> generation_;
};

// texthash:, inline:

enum class Counts { First, Last };  // of several entries with one key, as in Postfix

struct Listing {
  std::vector<SourceEntry> in_order;
  std::unordered_map<std::string, std::size_t> by_key;  // folded

  Listing(std::vector<SourceEntry> entries, Counts counts) : in_order(std::move(entries)) {
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      auto [found, is_new] = by_key.emplace(folded_key_of_table(in_order[i].key), i);
      if (!is_new && counts == Counts::Last) found->second = i;
    }
  }
  std::optional<std::string> find(std::string_view key) const {
    auto found = by_key.find(folded_key_of_table(key));
    return found == by_key.end() ? absent : in_order[found->second].value;
  }
  void each(const Use& use) const {
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      std::string key = folded_key_of_table(in_order[i].key);
      if (by_key.at(key) == i) use(key, in_order[i].value);
    }
  }
};

SourceWarning warning_of(const MapOptions& options) {
  return [tell = options.on_problem](const std::string& text) {
    if (tell) tell(text);
  };
}

class TextMap final : public KeyedMap {
 public:
  TextMap(std::string name, const std::string& path, const MapOptions& options)
      : KeyedMap(std::move(name)),
        file_(
            options, [path] { return file_stamp(path); },
            [path, warn = warning_of(options)]() -> Result<std::shared_ptr<const Listing>> {
              TRY(auto text, read_source(path));
              TRY(auto entries, parse_source(text, SourceSyntax::Table, path, warn));
              return std::make_shared<const Listing>(std::move(entries), Counts::First);
            }) {}

  Value find(std::string_view key) const override {
    TRY(auto entries, file_.content());
    return entries->find(key);
  }
  Result<void> ready() const override {
    TRY_DO(file_.content());
    return {};
  }
  Result<void> each(const Use& use) const override {
    TRY(auto entries, file_.content());
    entries->each(use);
    return {};
  }
  std::string stamp() const override { return file_.stamp(); }

 private:
  Reloading<Listing> file_;
};

class InlineMap final : public KeyedMap {
 public:
  InlineMap(std::string name, std::vector<SourceEntry> entries)
      : KeyedMap(std::move(name)), entries_(std::move(entries), Counts::Last) {}

  Value find(std::string_view key) const override { return entries_.find(key); }
  Result<void> each(const Use& use) const override {
    entries_.each(use);
    return {};
  }
  std::string stamp() const override { return "never changes"; }

 private:
  Listing entries_;
};

// static:

class StaticMap final : public Map {
 public:
  StaticMap(std::string name, std::string value) : Map(std::move(name)), value_(std::move(value)) {}
  Value lookup(std::string_view) const override { return std::optional<std::string>(value_); }

 private:
  std::string value_;
};

// cidr:, regexp:, pcre:

template <class Rules>
class RulesMap : public KeyedMap {
 public:
  using Parse = Result<Rules> (*)(std::string_view text, const std::string& file);

  RulesMap(std::string name, const std::string& path, Parse parse, bool takes_partial_keys,
           const MapOptions& options)
      : KeyedMap(std::move(name)),
        takes_partial_keys_(takes_partial_keys),
        file_(
            options, [path] { return file_stamp(path); },
            [path, parse]() -> Result<std::shared_ptr<const Rules>> {
              TRY(auto text, read_source(path));
              TRY(auto rules, parse(text, path));
              return std::make_shared<const Rules>(std::move(rules));
            }) {}

  Value find(std::string_view key) const override {
    TRY(auto rules, file_.content());
    return rules->lookup(key);
  }
  Result<void> ready() const override {
    TRY_DO(file_.content());
    return {};
  }
  bool takes_partial_keys() const override { return takes_partial_keys_; }

 private:
  bool takes_partial_keys_;
  Reloading<Rules> file_;
};

// A file of names in a list

class ListMap final : public RulesMap<NameList> {
 public:
  ListMap(std::string name, const std::string& path, const MapOptions& options)
      : RulesMap(std::move(name), path, &NameList::parse, true, options) {}
};

// unionmap:, pipemap:

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

// Opening

Error wrong(const TableRef& table, const std::string& reason) {
  return Error::permanent(table.text() + ": " + reason);
}

using Opened = Result<std::unique_ptr<Map>>;

Opened open_nested(const TableRef& table, const MapOptions& options, std::size_t depth);

Result<Members> open_members(const TableRef& table, const MapOptions& options, std::size_t depth) {
  if (depth == map_nesting_max) return wrong(table, "nested too deep");
  auto items = brace_items(table.name);
  if (!items) return wrong(table, items.error().text());
  if (items->empty()) return wrong(table, "names no table");
  if (items->size() > map_members_max) {
    return wrong(table, "more than " + std::to_string(map_members_max) + " tables");
  }
  Members members;
  for (const auto& item : *items) {
    TRY(auto member, TableRef::parse(item));
    TRY(auto map, open_nested(member, options, depth + 1));
    members.push_back(std::move(map));
  }
  return members;
}

Opened open_inline(const TableRef& table, const MapOptions&, std::size_t) {
  auto items = brace_items(table.name);
  if (!items) return wrong(table, items.error().text());
  std::vector<SourceEntry> entries;
  for (const auto& item : *items) {
    auto equals = item.find('=');
    auto key = trim(std::string_view(item).substr(0, equals));
    if (equals == item.npos || key.empty()) return wrong(table, "expected key=value, not " + item);
    entries.push_back({std::string(key),
                       std::string(trim(std::string_view(item).substr(equals + 1))),
                       entries.size() + 1});
  }
  if (entries.empty()) return wrong(table, "holds no key=value");
  return std::unique_ptr<Map>(std::make_unique<InlineMap>(table.text(), std::move(entries)));
}

Opened open_hash(const TableRef& table, const MapOptions& options, std::size_t) {
  return std::unique_ptr<Map>(std::make_unique<HashMap>(table.text(), table.name, options));
}

Opened open_texthash(const TableRef& table, const MapOptions& options, std::size_t) {
  return std::unique_ptr<Map>(std::make_unique<TextMap>(table.text(), table.name, options));
}

Opened open_static(const TableRef& table, const MapOptions&, std::size_t) {
  TRY(auto value, unbraced(table.name));
  return std::unique_ptr<Map>(std::make_unique<StaticMap>(table.text(), std::move(value)));
}

template <class Rules>
Opened open_rules(const TableRef& table, typename RulesMap<Rules>::Parse parse,
                  const MapOptions& options) {
  bool takes_partial_keys = find_table_type(table.type)->takes_partial_keys;
  return std::unique_ptr<Map>(std::make_unique<RulesMap<Rules>>(table.text(), table.name, parse,
                                                                takes_partial_keys, options));
}

Opened open_cidr(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<CidrRules>(table, &CidrRules::parse, options);
}

Opened open_regexp(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<PatternRules>(table, &PatternRules::parse_regexp, options);
}

Opened open_pcre(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<PatternRules>(table, &PatternRules::parse_pcre, options);
}

Opened open_unionmap(const TableRef& table, const MapOptions& options, std::size_t depth) {
  TRY(auto members, open_members(table, options, depth));
  return std::unique_ptr<Map>(std::make_unique<UnionMap>(table.text(), std::move(members)));
}

Opened open_pipemap(const TableRef& table, const MapOptions& options, std::size_t depth) {
  TRY(auto members, open_members(table, options, depth));
  return std::unique_ptr<Map>(std::make_unique<PipeMap>(table.text(), std::move(members)));
}

struct Opener {
  std::string_view type;
  Opened (*open)(const TableRef& table, const MapOptions& options, std::size_t depth);
};

constexpr std::array openers{
#define TABLE_TYPE(name, follows, takes_partial_keys) Opener{#name, &open_##name},
#include "common/config/table_types.def"
};

/// `depth`: how many tables this one is a member of.
Opened open_nested(const TableRef& table, const MapOptions& options, std::size_t depth) {
  // A file that a list of names has taken in, which no reference can name.
  if (table.type == "list") {
    return std::unique_ptr<Map>(std::make_unique<ListMap>(table.text(), table.name, options));
  }
  auto opener = std::ranges::find(openers, table.type, &Opener::type);
  if (opener != openers.end()) return opener->open(table, options, depth);
  std::string known;
  for (const Opener& one : openers) known += (known.empty() ? "" : ", ") + std::string(one.type);
  return wrong(table, "unknown type of table; known are " + known);
}

}  // namespace

std::string file_stamp(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return "absent";
  return std::to_string(status.st_dev) + "/" + std::to_string(status.st_ino) + "/" +
         std::to_string(status.st_size) + "/" + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

Result<void> Map::each(const Use&) const {
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
  if (key.size() > map_key_bytes_max) return absent;
  for (const auto& map : maps_) {
    if (kind == Key::Partial && !map->takes_partial_keys()) continue;
    auto value = map->lookup(key);
    if (!value || *value) return value;
  }
  return absent;
}

}  // namespace pennypost::store
