#include "smtpd/migration/migration.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/edit.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view toml_head =
    "# Written by pennypost migrate. `postconf -n` shows these settings, `pennypost check` tries "
    "them.\n\n";

}  // namespace

void Migration::set(const std::string& name, std::string value, SourcePlace place) {
  settings_[name] = Value{std::move(value), std::move(place)};
}

void Migration::add(const std::string& name, const std::string& item, SourcePlace place) {
  auto& list = settings_[name];
  auto present = split(list.text, ',');
  if (std::ranges::any_of(present, [&](auto one) { return trim(one) == item; })) return;
  if (!list.text.empty()) list.text += ", ";
  list.text += item;
  if (list.place.file.empty()) list.place = std::move(place);
}

std::string Migration::value(const std::string& name) const {
  auto found = settings_.find(name);
  return found == settings_.end() ? "" : found->second.text;
}

MigratedTable& Migration::table(const std::string& name, MigratedTable::Kind kind) {
  auto& table = tables_[name];
  table.kind = kind;
  return table;
}

bool Migration::entry(const std::string& name, const std::string& key, const std::string& value,
                      MigratedTable::Kind kind) {
  auto& made = table(name, kind);
  if (!made.keys.insert(lower(key)).second) return false;
  made.text += key;
  if (kind != MigratedTable::Kind::Names) made.text += "\t" + value;
  made.text += "\n";
  return true;
}

std::string Migration::reference(const std::string& name) const {
  auto found = tables_.find(name);
  auto kind = found == tables_.end() ? MigratedTable::Kind::Hash : found->second.kind;
  std::string path = directory_ + "/" + name;
  if (kind == MigratedTable::Kind::Names) return path;
  return (kind == MigratedTable::Kind::Patterns ? "pcre:" : "hash:") + path;
}

void Migration::lacks(SourcePlace place, std::string text, std::string reason) {
  unmatched_.push_back({std::move(place), std::move(text), std::move(reason)});
}

std::string Migration::main_toml() {
  LoadOptions options;
  options.directory = directory_;
  std::string toml(toml_head);
  for (const auto& [name, value] : settings_) {
    auto edit = SettingEdit::parse(SettingEdit::Set, name + "=" + value.text);
    auto next = edit ? edit_toml(toml, {*edit}, options) : Result<std::string>(edit.error());
    if (next) {
      toml = *std::move(next);
    } else {
      lacks(value.place, name + " = " + value.text, next.error().text());
    }
  }
  return toml;
}

std::vector<Unmatched> Migration::unmatched() const {
  auto sorted = unmatched_;
  std::ranges::stable_sort(
      sorted, {}, [](const Unmatched& one) { return std::tuple(one.place.file, one.place.line); });
  return sorted;
}

}  // namespace pennypost::smtp
