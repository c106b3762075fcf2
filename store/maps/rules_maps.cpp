// Tries rules in their order: cidr:, regexp: and pcre:, and files of names in lists.
#include <memory>

#include "common/config/table_types.h"
#include "store/maps/cidr_rules.h"
#include "store/maps/keyed_map.h"
#include "store/maps/name_list.h"
#include "store/maps/openers.h"
#include "store/maps/pattern_rules.h"
#include "store/maps/reloading.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;

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
  Result<void> each(
      const std::function<void(std::string_view key, std::string_view value)>& use) const override {
    if constexpr (requires(const Rules& rules) { rules.each(use); }) {
      TRY(auto rules, file_.content());
      return rules->each(use);
    } else {
      return Map::each(use);
    }
  }

 private:
  bool takes_partial_keys_;
  Reloading<Rules> file_;
};

class ListMap final : public RulesMap<NameList> {
 public:
  ListMap(std::string name, const std::string& path, const MapOptions& options)
      : RulesMap(std::move(name), path, &NameList::parse, true, options) {}
};

template <class Rules>
OpenedMap open_rules(const TableRef& table, typename RulesMap<Rules>::Parse parse,
                     const MapOptions& options) {
  bool takes_partial_keys = find_table_type(table.type)->takes_partial_keys;
  return std::unique_ptr<Map>(std::make_unique<RulesMap<Rules>>(table.text(), table.name, parse,
                                                                takes_partial_keys, options));
}

}  // namespace

OpenedMap open_cidr(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<CidrRules>(table, &CidrRules::parse, options);
}

OpenedMap open_regexp(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<PatternRules>(table, &PatternRules::parse_regexp, options);
}

OpenedMap open_pcre(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_rules<PatternRules>(table, &PatternRules::parse_pcre, options);
}

OpenedMap open_list(const TableRef& table, const MapOptions& options) {
  return std::unique_ptr<Map>(std::make_unique<ListMap>(table.text(), table.name, options));
}

}  // namespace pennypost::store
