#include "store/maps/written_values.h"

#include "store/maps/pattern_rules.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

std::string place(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line);
}

}  // namespace

Result<std::vector<WrittenValue>> written_values(const TableRef& table) {
  std::vector<WrittenValue> values;
  const std::string& file = table.name;
  bool is_pattern = table.type == "regexp" || table.type == "pcre";
  if (!is_pattern && table.type != "hash" && table.type != "texthash") return values;
  TRY(auto text, read_source(file));
  if (is_pattern) {
    auto parse = table.type == "pcre" ? &PatternRules::parse_pcre : &PatternRules::parse_regexp;
    TRY(auto rules, parse(text, file));
    rules.each_value([&](std::size_t line, const std::string& value) {
      values.push_back({place(file, line), value});
    });
    return values;
  }
  TRY(auto entries, parse_source(text, SourceSyntax::Table, file, [](const std::string&) {}));
  for (const auto& entry : entries) values.push_back({place(file, entry.line), entry.value});
  return values;
}

}  // namespace pennypost::store
