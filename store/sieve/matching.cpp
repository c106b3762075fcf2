// Expands the keys once, and charges each comparison to the run.
#include "store/sieve/matching.h"

#include <algorithm>

#include "store/sieve/environment.h"
#include "store/sieve/match.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t octets_of_step = 16 * 1024;
// Looking for a key takes at worst one comparison for each pair of octets.
constexpr std::size_t pairs_of_step = 64 * 1024;

}  // namespace

Matching::Matching(Run& run, const Command& test) : Matching(run, test, test.arguments.back()) {}

Matching::Matching(Run& run, const Command& test, const Argument& keys)
    : run_(run), rule_(test.match) {
  keys_.reserve(keys.strings.size());
  expanded_.reserve(keys.strings.size());
  for (const auto& key : keys.strings) {
    keys_.push_back(key.has_variables ? expanded_.emplace_back(run.text(key)) : key.text);
  }
}

bool Matching::has_lines() const {
  return std::ranges::any_of(keys_, [](const auto& key) { return key.find('\n') != key.npos; });
}

Result<bool> Matching::value(std::string_view text) {
  ++values_;
  if (rule_.type == MatchType::Count) return false;
  for (std::size_t key = 0; key < keys_.size(); ++key) {
    TRY(bool is_match, matches(text, key));
    if (is_match) return true;
  }
  return false;
}

Result<bool> Matching::end() {
  if (rule_.type != MatchType::Count) return false;
  auto count = std::to_string(values_);
  for (const auto& key : keys_) {
    if (holds(rule_.relation, compare(rule_.comparator, count, key))) return true;
  }
  return false;
}

Result<bool> Matching::matches(std::string_view text, std::size_t key) {
  std::string_view wanted = keys_[key];
  bool searches = rule_.type == MatchType::Contains || rule_.type == MatchType::Matches;
  auto pairs = searches ? text.size() * wanted.size() : 0;
  TRY_DO(run_.spend(1 + text.size() / octets_of_step + pairs / pairs_of_step));
  switch (rule_.type) {
    case MatchType::Is:
      return compare(rule_.comparator, text, wanted) == 0;
    case MatchType::Contains:
      return contains(rule_.comparator, text, wanted);
    case MatchType::Value:
      return holds(rule_.relation, compare(rule_.comparator, text, wanted));
    case MatchType::List:
      return run_.environment().is_listed(std::string(wanted), std::string(text));
    case MatchType::Matches:
    case MatchType::Regex:
      return matches_pattern(text, key);
    case MatchType::Count:
      break;
  }
  return false;
}

Result<bool> Matching::matches_pattern(std::string_view text, std::size_t key) {
  std::vector<std::string> captures;
  auto* wanted = sets_variables_ && run_.has(Extension::Variables) ? &captures : nullptr;
  bool is_match = false;
  if (rule_.type == MatchType::Matches) {
    is_match = matches_wildcards(rule_.comparator, text, keys_[key], wanted);
  } else {
    auto pattern = key < rule_.patterns.size() ? rule_.patterns[key] : nullptr;
    if (!pattern) {
      TRY(pattern, Regex::compile(keys_[key], rule_.comparator != Comparator::Octet));
    }
    TRY(is_match, pattern->matches(text, wanted));
  }
  if (is_match && wanted != nullptr) run_.set_match_variables(std::move(captures));
  return is_match;
}

}  // namespace pennypost::store::sieve
