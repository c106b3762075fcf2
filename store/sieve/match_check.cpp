// Turns tags into a MatchRule.
#include "store/sieve/match_check.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace pennypost::store::sieve {
namespace {

struct RelationName {
  std::string_view name;
  Relation relation;
};
constexpr std::array relations{
    RelationName{"eq", Relation::Equal},   RelationName{"ge", Relation::GreaterEqual},
    RelationName{"gt", Relation::Greater}, RelationName{"le", Relation::LessEqual},
    RelationName{"lt", Relation::Less},    RelationName{"ne", Relation::NotEqual},
};

struct ComparatorName {
  std::string_view name;
  Comparator comparator;
  Extension extension;
};
constexpr std::array comparators{
    ComparatorName{"i;ascii-casemap", Comparator::AsciiCasemap, Extension::None},
    ComparatorName{"i;ascii-numeric", Comparator::AsciiNumeric, Extension::ComparatorNumeric},
    ComparatorName{"i;octet", Comparator::Octet, Extension::None},
    ComparatorName{"i;unicode-casemap", Comparator::UnicodeCasemap, Extension::None},
};

struct MatchTag {
  Tag tag;
  MatchType type;
};
constexpr std::array match_tags{
    MatchTag{Tag::Is, MatchType::Is},           MatchTag{Tag::Contains, MatchType::Contains},
    MatchTag{Tag::Matches, MatchType::Matches}, MatchTag{Tag::Count, MatchType::Count},
    MatchTag{Tag::Value, MatchType::Value},     MatchTag{Tag::Regex, MatchType::Regex},
    MatchTag{Tag::List, MatchType::List},
};

void read_comparator(Checking& checking, Command& command) {
  const auto* given = command.find(Tag::Comparator);
  if (given == nullptr) {
    // RFC 5231 section 4.2: counts are compared as numbers.
    if (command.match.type == MatchType::Count) command.match.comparator = Comparator::AsciiNumeric;
    return;
  }
  std::string name = given->strings[0].text;
  const auto* found = std::ranges::find(comparators, name, &ComparatorName::name);
  if (found == comparators.end()) {
    checking.wrong(given->at, "there is no comparator \"" + printable(name) +
                                  "\"; there are i;ascii-casemap, i;octet, i;ascii-numeric and "
                                  "i;unicode-casemap");
    return;
  }
  if (found->extension != Extension::None && !checking.script().extensions.has(found->extension)) {
    checking.wrong(given->at, "the comparator " + name + " needs require \"" +
                                  std::string(name_of(found->extension)) + "\"");
  }
  command.match.comparator = found->comparator;
  auto type = command.match.type;
  bool needs_substrings =
      type == MatchType::Contains || type == MatchType::Matches || type == MatchType::Regex;
  if (found->comparator == Comparator::AsciiNumeric && needs_substrings) {
    checking.wrong(given->at,
                   "i;ascii-numeric compares whole numbers, and so can't be used with "
                   ":contains, :matches or :regex");
  }
}

void compile_patterns(Checking& checking, Command& command) {
  bool folds_case = command.match.comparator != Comparator::Octet;
  if (command.arguments.empty()) return;
  for (const auto& key : command.arguments.back().strings) {
    auto& pattern = command.match.patterns.emplace_back();
    if (key.has_variables) continue;
    auto compiled = Regex::compile(key.text, folds_case);
    if (compiled) {
      pattern = *std::move(compiled);
    } else {
      checking.wrong(key.at, compiled.error().text());
    }
  }
}

}  // namespace

std::optional<Relation> find_relation(std::string_view name) {
  const auto* found = std::ranges::find(relations, lower(name), &RelationName::name);
  if (found == relations.end()) return std::nullopt;
  return found->relation;
}

void check_match(Checking& checking, Command& command) {
  if (command.row->find_tag("is") == nullptr) return;
  auto tag = command.of_group(TagGroup::Match);
  if (tag) command.match.type = std::ranges::find(match_tags, *tag, &MatchTag::tag)->type;
  if (const auto* relation = tag ? command.find(*tag) : nullptr; relation && relation->is_given()) {
    auto found = find_relation(relation->strings[0].text);
    if (found) command.match.relation = *found;
    if (!found) {
      checking.wrong(relation->at, "there is no relation \"" +
                                       printable(relation->strings[0].text) +
                                       "\"; there are gt, ge, lt, le, eq and ne");
    }
  }
  read_comparator(checking, command);
  if (command.match.type == MatchType::Regex) compile_patterns(checking, command);
}

}  // namespace pennypost::store::sieve
