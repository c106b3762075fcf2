// The text of a table's source, of aliases and of rules in; no crash, and stable readings, out.
#include <array>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "store/maps/alias_items.h"
#include "store/maps/cidr_rules.h"
#include "store/maps/key_template.h"
#include "store/maps/notation.h"
#include "store/maps/pattern_rules.h"
#include "store/maps/source.h"
#include "store/maps/source_settings.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

void lines(std::string_view text) {
  LogicalLines lines(text);
  std::size_t end = 0;
  while (auto line = lines.next()) {
    ASSERT(line->begin >= end && line->end > line->begin && line->end <= text.size());
    ASSERT(!line->text.empty() && trim(line->text) == line->text);
    end = line->end;
  }
}

void aliases(std::string_view text) {
  auto items = parse_alias_items(text);
  if (!items) return;
  for (const auto& item : *items) ASSERT(!item.text.empty());
}

void settings(std::string_view text, std::string_view key) {
  constexpr std::array rows{SourceSetting{"query", ""},
                            SourceSetting{"port", "7", SourceSetting::Number},
                            SourceSetting{"secure", "no", SourceSetting::Flag}};
  auto read = SourceSettings::parse(text, "f", rows);
  if (!read) {
    ASSERT(read.error().text().starts_with("f:"));
    return;
  }
  ASSERT(read->number("port") <= 1'000'000'000);
  for (auto of : {KeyTemplate::Of::Key, KeyTemplate::Of::Value}) {
    auto made = KeyTemplate::parse(read->text("query"), of);
    if (!made) continue;
    (void)made->unquoted("'");
    if (!made->serves(key)) continue;
    (void)made->for_key(key, [](std::string_view part) { return std::string(part); });
    (void)made->for_value(key, key).has_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string key(input.substr(0, input.find('\n')));
  lines(input);
  aliases(input);
  for (auto syntax : {SourceSyntax::Table, SourceSyntax::Aliases}) {
    auto entries = parse_source(input, syntax, "f");
    if (!entries) ASSERT(entries.error().text().starts_with("f:"));
    if (!entries) continue;
    for (const auto& entry : *entries) ASSERT(!entry.key.empty());
  }
  (void)parse_alias_file(input, "f").has_value();
  if (auto items = brace_items(input)) {
    for (const auto& item : *items) ASSERT(item.size() < input.size());
  }
  (void)unbraced(input).has_value();
  if (auto rules = CidrRules::parse(input, "f")) {
    (void)rules->lookup(key).has_value();
    (void)rules->lookup("192.0.2.1").has_value();
  }
  for (auto parse : {&PatternRules::parse_pcre, &PatternRules::parse_regexp}) {
    if (auto rules = parse(input, "f")) (void)rules->lookup(key).has_value();
  }
  settings(input, key);
  return 0;
}
