#include "store/maps/pattern_rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "common/base/explanation.h"
#include "common/base/owned.h"
#include "common/base/text.h"
#include "store/maps/cidr_rules.h"
#include "store/maps/map.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

// The library's names are macros.
void free_code(pcre2_code* code) { pcre2_code_free(code); }
void free_match(pcre2_match_data* match) { pcre2_match_data_free(match); }
void free_context(pcre2_match_context* context) { pcre2_match_context_free(context); }

// A piece of a value: literal text, followed by the match of a group if there is one.
struct Piece {
  std::string literal;
  std::optional<std::uint32_t> group;
};

std::string pcre_text(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// PCRE2 options of a flag letter; nothing if there is no such flag. A flag toggles its option.
std::optional<std::uint32_t> option_of(char flag, bool is_pcre) {
  switch (flag) {
    case 'i':
      return PCRE2_CASELESS;
    case 'm':
      return PCRE2_MULTILINE;
    case 'x':
      return is_pcre ? PCRE2_EXTENDED : 0u;  // POSIX extended syntax is the only one here
    case 's':
      return is_pcre ? std::optional(PCRE2_DOTALL) : std::nullopt;
    case 'A':
      return is_pcre ? std::optional(PCRE2_ANCHORED) : std::nullopt;
    case 'E':
      return is_pcre ? std::optional(PCRE2_DOLLAR_ENDONLY) : std::nullopt;
    case 'U':
      return is_pcre ? std::optional(PCRE2_UNGREEDY) : std::nullopt;
    case 'X':
      return is_pcre ? std::optional(0u) : std::nullopt;  // always strict in PCRE2
    default:
      return {};
  }
}

Result<std::vector<Piece>> parse_value(std::string_view text, std::uint32_t groups) {
  std::vector<Piece> pieces(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      pieces.back().literal += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {
      pieces.back().literal += text[++i];
      continue;
    }
    std::size_t begin = i + 1;
    char close = begin < text.size() && text[begin] == '{'   ? '}'
                 : begin < text.size() && text[begin] == '(' ? ')'
                                                             : '\0';
    if (close != '\0') ++begin;
    std::size_t end = begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    auto group = parse_number(text.substr(begin, end - begin));
    bool is_closed = close == '\0' || (end < text.size() && text[end] == close);
    if (!group || !is_closed) return Error::temporary("write $$ for a dollar sign, or $1, ${1}");
    if (*group == 0 || *group > groups) {
      return Error::temporary("the pattern has no group " + std::to_string(*group));
    }
    pieces.back().group = static_cast<std::uint32_t>(*group);
    pieces.emplace_back();
    i = close == '\0' ? end - 1 : end;
  }
  return pieces;
}

/// Of one look-up. Looking at the clock takes as long as many a match: it is done now and then.
class LookupTime {
 public:
  bool is_over() {
    if (++matches_ % matches_between_looks != 0) return false;
    return std::chrono::steady_clock::now() - begun_ > pattern_time_max;
  }

 private:
  static constexpr std::size_t matches_between_looks = 8;
  std::size_t matches_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

struct PatternRules::Rule {
  Owned<pcre2_code, free_code> code;
  bool negated = false;
  bool is_if = false;
  std::vector<Piece> value;
  std::size_t skip_to = 0;  // for an `if`: the rule after its endif
  std::size_t line = 0;
};

PatternRules::PatternRules() = default;
PatternRules::PatternRules(PatternRules&& other) noexcept = default;
PatternRules::~PatternRules() = default;

Result<PatternRules> PatternRules::parse_pcre(std::string_view text, const std::string& file) {
  return parse(text, file, Dialect::Pcre);
}
Result<PatternRules> PatternRules::parse_regexp(std::string_view text, const std::string& file) {
  return parse(text, file, Dialect::Regexp);
}

Result<PatternRules> PatternRules::parse(std::string_view text, const std::string& file,
                                         Dialect dialect) {
  PatternRules table;
  table.file_ = file;
  std::vector<std::size_t> open_ifs;
  LogicalLines lines(text);
  while (auto line = lines.next()) {
    auto wrong = [&](const std::string& reason) {
      return source_error(file, line->number, reason);
    };
    if (line->is_indented) return wrong(reason_of_indented(*line));
    if (equal_nocase(line->text, "endif")) {
      if (open_ifs.empty()) return wrong("endif without if");
      table.rules_[open_ifs.back()].skip_to = table.rules_.size();
      open_ifs.pop_back();
      continue;
    }
    if (table.rules_.size() == pattern_rules_max) return wrong("too many rules");
    auto rule = parse_rule(line->text, dialect);
    if (!rule) return wrong(rule.error().text());
    rule->line = line->number;
    if (rule->is_if && open_ifs.size() == rule_nesting_max) return wrong("too many nested ifs");
    if (rule->is_if) open_ifs.push_back(table.rules_.size());
    table.rules_.push_back(std::move(*rule));
  }
  if (!open_ifs.empty()) {
    return source_error(file, table.rules_[open_ifs.back()].line, "if without endif");
  }
  return table;
}

Result<PatternRules::Rule> PatternRules::parse_rule(std::string_view rest, Dialect dialect) {
  Rule rule;
  rule.is_if = rest.size() > 2 && starts_with_nocase(rest, "if") && !is_alnum(rest[2]);
  if (rule.is_if) rest = trim(rest.substr(2));
  while (rest.starts_with('!')) {
    rule.negated = !rule.negated;
    rest = trim(rest.substr(1));
  }
  if (rest.empty() || is_alnum(rest[0]) || rest[0] == '\\') {
    return Error::temporary("expected /pattern/ value");
  }
  char delimiter = rest[0];
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != delimiter) end += rest[end] == '\\' ? 2 : 1;
  if (end >= rest.size()) {
    return Error::temporary(std::string("there is no closing ") + delimiter + " after the pattern");
  }
  auto pattern = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);

  bool is_pcre = dialect == Dialect::Pcre;
  std::uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL;
  while (!rest.empty() && !is_space(rest[0])) {
    auto option = option_of(rest[0], is_pcre);
    if (!option)
      return Error::temporary(std::string("unknown flag ") + printable(rest.substr(0, 1)));
    options ^= *option;
    rest.remove_prefix(1);
  }
  auto value = trim(rest);
  if (rule.is_if && !value.empty()) return Error::temporary("text after the pattern of an if");
  if (!rule.is_if && value.empty()) return Error::temporary("there is no value after the pattern");

  int problem = 0;
  PCRE2_SIZE place = 0;
  rule.code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                options, &problem, &place, nullptr));
  if (!rule.code) {
    return Error::temporary("pattern: " + pcre_text(problem) + " at character " +
                            std::to_string(place + 1));
  }
  std::uint32_t groups = 0;
  pcre2_pattern_info(rule.code.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  TRY(rule.value, parse_value(value, rule.negated ? 0 : groups));
  return rule;
}

void PatternRules::each_value(
    const std::function<void(std::size_t line, const std::string& value)>& use) const {
  for (const Rule& rule : rules_) {
    if (rule.is_if) continue;
    std::string text;
    for (const Piece& piece : rule.value) {
      text += piece.literal;
      if (piece.group) text += "$" + std::to_string(*piece.group);
    }
    use(rule.line, text);
  }
}

Result<std::optional<std::string>> PatternRules::lookup(std::string_view key) const {
  Owned<pcre2_match_context, free_context> context(pcre2_match_context_create(nullptr));
  ASSERT(context != nullptr);
  pcre2_set_match_limit(context.get(), pattern_steps_max);
  pcre2_set_depth_limit(context.get(), pattern_steps_max);
  pcre2_set_heap_limit(context.get(), pattern_heap_kib_max);
  LookupTime time;
  for (std::size_t i = 0; i < rules_.size();) {
    const Rule& rule = rules_[i];
    if (time.is_over()) {
      return source_error(file_, rule.line,
                          "the patterns before it took longer than " +
                              std::to_string(pattern_time_max.count()) + " ms for one look-up");
    }
    Owned<pcre2_match_data, free_match> match(
        pcre2_match_data_create_from_pattern(rule.code.get(), nullptr));
    ASSERT(match != nullptr);
    int found = pcre2_match(rule.code.get(), reinterpret_cast<PCRE2_SPTR>(key.data()), key.size(),
                            0, 0, match.get(), context.get());
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
      return source_error(file_, rule.line, pcre_text(found));
    }
    bool matches = (found > 0) != rule.negated;
    if (!matches || rule.is_if) {
      i = rule.is_if && !matches ? rule.skip_to : i + 1;
      continue;
    }
    Explanation::add([&] { return file_ + ":" + std::to_string(rule.line) + " matches"; });
    std::string value;
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(match.get());
    for (const Piece& piece : rule.value) {
      value += piece.literal;
      if (!piece.group || *piece.group >= pcre2_get_ovector_count(match.get())) continue;
      PCRE2_SIZE begin = ends[2 * *piece.group];
      if (begin == PCRE2_UNSET) continue;
      value += key.substr(begin, ends[2 * *piece.group + 1] - begin);
      if (value.size() > map_value_bytes_max)
        return source_error(file_, rule.line, "value too long");
    }
    return std::optional<std::string>(std::move(value));
  }
  return std::optional<std::string>();
}

}  // namespace pennypost::store
