#include "imapd/grammar/sort.h"

#include <algorithm>
#include <string>

#include "common/base/text.h"
#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Key = SortCriterion::Key;
using Algorithm = ThreadRequest::Algorithm;

struct KeyName {
  std::string_view name;
  Key key;
};
constexpr KeyName key_names[] = {
    {"ARRIVAL", Key::Arrival},     {"CC", Key::Cc},
    {"DATE", Key::Date},           {"DISPLAYFROM", Key::DisplayFrom},
    {"DISPLAYTO", Key::DisplayTo}, {"FROM", Key::From},
    {"RELEVANCY", Key::Relevancy}, {"SIZE", Key::Size},
    {"SUBJECT", Key::Subject},     {"TO", Key::To},
};

struct AlgorithmName {
  std::string_view name;
  Algorithm algorithm;
};
constexpr AlgorithmName algorithm_names[] = {
    {"ORDEREDSUBJECT", Algorithm::OrderedSubject},
    {"REFERENCES", Algorithm::References},
    {"REFS", Algorithm::Refs},
};

Result<void> criterion(Cursor& cursor, std::vector<SortCriterion>& criteria, std::size_t& count) {
  if (++count > sort_criteria_max) return Error(501, "Too many sort criteria");
  SortCriterion one;
  TRY(auto name, cursor.keyword());
  one.is_reverse = name == "REVERSE";
  if (one.is_reverse) {
    TRY_DO(cursor.space());
    TRY(name, cursor.keyword());
  }
  const auto* row = std::ranges::find(key_names, name, &KeyName::name);
  if (row == std::end(key_names)) return Error(501, "Unknown sort criterion " + name);
  one.key = row->key;
  // What is compared once already can't change the order any more.
  bool is_new = std::ranges::find(criteria, one.key, &SortCriterion::key) == criteria.end();
  if (is_new) criteria.push_back(one);
  return {};
}

// SP charset SP keys: here the charset is never left out.
Result<void> charset_and_keys(Cursor& cursor, SearchRequest& search) {
  TRY_DO(take(cursor, search.charset, &Cursor::astring));
  search.charset = upper(search.charset);
  TRY_DO(cursor.space());
  return take_keys(cursor, search);
}

}  // namespace

Result<SortRequest> parse_sort(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  SortRequest request;
  TRY_DO(cursor.space());
  TRY_DO(take_return_options(cursor, request.search));
  TRY_DO(cursor.expect('('));
  std::size_t count = 0;
  TRY_DO(rest_of_list(cursor, [&] { return criterion(cursor, request.criteria, count); }));
  if (request.criteria.empty()) return Error(501, "Expected a sort criterion");
  TRY_DO(charset_and_keys(cursor, request.search));
  auto relevancy = std::ranges::find(request.criteria, Key::Relevancy, &SortCriterion::key);
  bool is_by_relevancy = relevancy != request.criteria.end();
  // RFC 6203 section 6.
  if (is_by_relevancy && !request.search.has_fuzzy) {
    return Error(501, "RELEVANCY goes with FUZZY only");
  }
  // It may change with every message that comes, of all others.
  if (is_by_relevancy && request.search.return_update) {
    return Error(550, ResponseCode::Cannot, "UPDATE does not go with RELEVANCY");
  }
  return request;
}

Result<ThreadRequest> parse_thread(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  ThreadRequest request;
  TRY_DO(cursor.space());
  TRY(auto name, cursor.keyword());
  const auto* row = std::ranges::find(algorithm_names, name, &AlgorithmName::name);
  if (row == std::end(algorithm_names)) return Error(501, "Unknown threading algorithm " + name);
  request.algorithm = row->algorithm;
  TRY_DO(charset_and_keys(cursor, request.search));
  return request;
}

}  // namespace pennypost::imap
