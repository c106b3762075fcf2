// Keeps all entries in memory: texthash:, inline: and static:.
#include <unordered_map>

#include "common/base/text.h"
#include "store/maps/keyed_map.h"
#include "store/maps/notation.h"
#include "store/maps/openers.h"
#include "store/maps/reloading.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;
using Use = std::function<void(std::string_view key, std::string_view value)>;

const std::optional<std::string> absent;

enum class Counts { First, Last };  // of several entries with one key, as in Postfix

struct Listing {
  std::vector<SourceEntry> in_order;
  bool folds_keys;
  std::unordered_map<std::string, std::size_t> by_key;

  Listing(std::vector<SourceEntry> entries, Counts counts, bool folds)
      : in_order(std::move(entries)), folds_keys(folds) {
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      auto [found, is_new] = by_key.emplace(form_of(in_order[i].key), i);
      if (!is_new && counts == Counts::Last) found->second = i;
    }
  }
  std::string form_of(std::string_view key) const {
    return folds_keys ? folded_key_of_table(key) : std::string(key);
  }
  std::optional<std::string> find(std::string_view key) const {
    auto found = by_key.find(form_of(key));
    return found == by_key.end() ? absent : in_order[found->second].value;
  }
  void each(const Use& use) const {
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      std::string key = form_of(in_order[i].key);
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
            [path, warn = warning_of(options),
             folds = options.folds_keys]() -> Result<std::shared_ptr<const Listing>> {
              TRY(auto text, read_source(path));
              TRY(auto entries, parse_source(text, SourceSyntax::Table, path, warn));
              return std::make_shared<const Listing>(std::move(entries), Counts::First, folds);
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
  InlineMap(std::string name, std::vector<SourceEntry> entries, bool folds)
      : KeyedMap(std::move(name)), entries_(std::move(entries), Counts::Last, folds) {}

  Value find(std::string_view key) const override { return entries_.find(key); }
  Result<void> each(const Use& use) const override {
    entries_.each(use);
    return {};
  }
  std::string stamp() const override { return "never changes"; }

 private:
  Listing entries_;
};

class StaticMap final : public Map {
 public:
  StaticMap(std::string name, std::string value) : Map(std::move(name)), value_(std::move(value)) {}
  Value lookup(std::string_view) const override { return std::optional<std::string>(value_); }

 private:
  std::string value_;
};

}  // namespace

OpenedMap open_texthash(const TableRef& table, const MapOptions& options, std::size_t) {
  return std::unique_ptr<Map>(std::make_unique<TextMap>(table.text(), table.name, options));
}

OpenedMap open_inline(const TableRef& table, const MapOptions& options, std::size_t) {
  auto items = brace_items(table.name);
  if (!items) return wrong_table(table, items.error().text());
  std::vector<SourceEntry> entries;
  for (const auto& item : *items) {
    auto equals = item.find('=');
    auto key = trim(std::string_view(item).substr(0, equals));
    if (equals == item.npos || key.empty())
      return wrong_table(table, "expected key=value, not " + item +
                                    "; a value with blanks needs braces: {{key = the value}}");
    entries.push_back({std::string(key),
                       std::string(trim(std::string_view(item).substr(equals + 1))),
                       entries.size() + 1});
  }
  if (entries.empty()) return wrong_table(table, "holds no key=value");
  return std::unique_ptr<Map>(
      std::make_unique<InlineMap>(table.text(), std::move(entries), options.folds_keys));
}

OpenedMap open_static(const TableRef& table, const MapOptions&, std::size_t) {
  TRY(auto value, unbraced(table.name));
  return std::unique_ptr<Map>(std::make_unique<StaticMap>(table.text(), std::move(value)));
}

}  // namespace pennypost::store
