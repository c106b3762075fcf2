#include "store/maps/source_settings.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/nearest.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

/// What every table has that a server answers.
constexpr std::array common_rows{
    SourceSetting{"domain", ""},
    SourceSetting{"expansion_limit", "0", SourceSetting::Number},
    SourceSetting{"result_format", "%s"},
};

constexpr std::uint64_t number_max = 1'000'000'000;

bool is_yes(std::string_view text) { return equal_nocase(text, "yes"); }

}  // namespace

Result<SourceSettings> SourceSettings::parse(std::string_view text, const std::string& file,
                                             std::span<const SourceSetting> rows) {
  SourceSettings settings;
  settings.file_ = file;
  settings.rows_.assign(rows.begin(), rows.end());
  settings.rows_.insert(settings.rows_.end(), common_rows.begin(), common_rows.end());
  LogicalLines lines(text);
  while (auto line = lines.next()) {
    if (line->is_indented) return source_error(file, line->number, reason_of_indented(*line));
    auto added = settings.add(line->text, line->number);
    if (!added) return source_error(file, line->number, added.error().text());
  }
  return settings;
}

Result<void> SourceSettings::add(std::string_view text, std::size_t line) {
  auto equals = text.find('=');
  auto name = trim(text.substr(0, equals));
  if (equals == text.npos) return Error::temporary("expected name = value");
  auto value = trim(text.substr(equals + 1));
  const SourceSetting* known = row(name);
  if (known == nullptr) {
    return Error::temporary("unknown setting " + printable(name, 60) +
                            nearest_hint(name, rows_, &SourceSetting::name));
  }
  std::string shown = std::string(name) + ": " + printable(value, 60);
  if (known->kind == SourceSetting::Number) {
    auto number = parse_number(value);
    if (!number || *number > number_max) {
      return Error::temporary(shown + " is no number from 0 to " + std::to_string(number_max));
    }
  }
  if (known->kind == SourceSetting::Flag && !is_yes(value) && !equal_nocase(value, "no")) {
    return Error::temporary(shown + " is neither yes nor no");
  }
  entries_.insert_or_assign(std::string(name), Entry{std::string(value), line});
  return {};
}

const SourceSetting* SourceSettings::row(std::string_view name) const {
  auto found = std::ranges::find(rows_, name, &SourceSetting::name);
  return found == rows_.end() ? nullptr : &*found;
}

std::string SourceSettings::text(std::string_view name) const {
  auto found = entries_.find(name);
  if (found != entries_.end()) return found->second.value;
  const SourceSetting* known = row(name);
  ASSERT(known != nullptr);
  return std::string(known->standard);
}

std::uint64_t SourceSettings::number(std::string_view name) const {
  return parse_number(text(name)).value_or(0);
}

bool SourceSettings::flag(std::string_view name) const { return is_yes(text(name)); }

std::vector<std::string> SourceSettings::words(std::string_view name) const {
  std::vector<std::string> found;
  std::string all = text(name);
  for (auto word : pennypost::words(all, ", \t")) found.emplace_back(word);
  return found;
}

Error SourceSettings::wrong(std::string_view name, const std::string& reason) const {
  auto found = entries_.find(name);
  std::string text = std::string(name) + ": " + reason;
  if (found == entries_.end()) return Error::temporary(file_ + ": " + text);
  return source_error(file_, found->second.line, text);
}

}  // namespace pennypost::store
