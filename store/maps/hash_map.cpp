// Reads what postmap built: hash:.
#include <memory>
#include <optional>

#include "common/base/text.h"
#include "store/maps/generation.h"
#include "store/maps/keyed_map.h"
#include "store/maps/notation.h"
#include "store/maps/openers.h"
#include "store/maps/reloading.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;
using Use = std::function<void(std::string_view key, std::string_view value)>;

const std::optional<std::string> absent;

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
        folds_keys_(options.folds_keys),
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
    return content->database->find(folds_keys_ ? folded_key_of_table(key) : std::string(key));
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
  bool folds_keys_;
  Reloading<HashContent> generation_;
};

}  // namespace

OpenedMap open_hash(const TableRef& table, const MapOptions& options, std::size_t) {
  return std::unique_ptr<Map>(std::make_unique<HashMap>(table.text(), table.name, options));
}

}  // namespace pennypost::store
