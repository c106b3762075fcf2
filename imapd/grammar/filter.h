// Parses the arguments of FILTER and UID FILTER: which script, and the keys of a search.
//
// STANDARDS  draft-bosch-imap-filter-sieve sections 3.2 and 7
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "imapd/grammar/search.h"

namespace pennypost::imap {

struct FilterRequest {
  enum class Kind {
    Delivery,  // the scripts that are run for new mail
    Personal,  // one of the user's, by name
    Global,    // one of the host's, by name
    Script,    // the text itself
  };
  Kind kind = Kind::Delivery;
  std::string text;  // the name, or the script
  SearchRequest search;
};
Result<FilterRequest> parse_filter(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
