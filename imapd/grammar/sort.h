// Parses the arguments of SORT and THREAD; the keys behind them are SEARCH's.
//
//   a1 SORT (REVERSE DATE SUBJECT) UTF-8 UNSEEN FROM ann
//   a2 UID SORT RETURN (COUNT PARTIAL 1:50) (ARRIVAL) UTF-8 ALL
//   a3 THREAD REFERENCES UTF-8 ALL
//
// STANDARDS  RFC 5256 section 5, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 5267 section 3 (RETURN),
//            RFC 6203 section 6 (RELEVANCY)
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"
#include "imapd/grammar/search.h"

namespace pennypost::imap {

struct SortCriterion {
  enum class Key : std::uint8_t {
    Arrival,
    Cc,
    Date,
    DisplayFrom,
    DisplayTo,
    From,
    Relevancy,
    Size,
    Subject,
    To,
  };
  Key key = Key::Arrival;
  bool is_reverse = false;
};

/// Of one SORT, as the client writes them; a key that comes again is left out.
inline constexpr std::size_t sort_criteria_max = 18;

struct SortRequest {
  std::vector<SortCriterion> criteria;
  SearchRequest search;
};
Result<SortRequest> parse_sort(std::string_view arguments, const Limits& limits);

struct ThreadRequest {
  /// Refs is REFERENCES without joining by subject, the thread with the newest message last.
  enum class Algorithm : std::uint8_t { OrderedSubject, References, Refs };
  Algorithm algorithm = Algorithm::References;
  SearchRequest search;
};
Result<ThreadRequest> parse_thread(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
