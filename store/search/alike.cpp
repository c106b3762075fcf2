#include "store/search/alike.h"

#include <algorithm>

#include "store/search/word_index.h"

namespace pennypost::store {

bool is_alike(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  auto first = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  auto rest_a = a.substr(first);
  auto rest_b = b.substr(first);
  if (rest_b.empty()) return false;
  if (rest_a.size() < rest_b.size()) return rest_a == rest_b.substr(1);
  if (rest_a.substr(1) == rest_b.substr(1)) return true;
  return rest_a.size() > 1 && rest_a[0] == rest_b[1] && rest_a[1] == rest_b[0] &&
         rest_a.substr(2) == rest_b.substr(2);
}

std::vector<std::string> alike_terms(const Xapian::Database& database, const std::string& term) {
  std::vector<std::string> out;
  if (term.size() < 1 + alike_letters_min) return out;
  // Looking through words of one first letter is enough: that is where people err least.
  auto prefix = term.substr(0, 2);
  auto end = database.allterms_end(prefix);
  for (auto at = database.allterms_begin(prefix); at != end && out.size() < alike_terms_max; ++at) {
    if (is_alike(*at, term)) out.push_back(*at);
  }
  return out;
}

}  // namespace pennypost::store
