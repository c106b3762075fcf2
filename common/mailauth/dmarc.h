// Evaluates DMARC: whether the domain that a message shows as its author's has vouched for it by
// SPF or DKIM, and what it asks to be done if not.
//
// The organizational domain comes from the Public Suffix List, or from a walk up the tree of DNS.
// Neither a failure of DNS here nor one in SPF or DKIM that could have decided is a Fail: the
// result is TempError.
//
// LIMITS     tree_walk_labels_max, those of dmarc_record.h, and the caller's time
// STANDARDS  RFC 7489, RFC 9091, DMARCbis (the walk up the tree)
// SEE ALSO   spf.h and dkim.h (whose results it takes)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/mailauth/dkim.h"
#include "common/mailauth/dmarc_record.h"
#include "common/mailauth/spf.h"

namespace pennypost {

inline constexpr std::size_t tree_walk_labels_max =
    8;  // DMARCbis: at most 8 questions for a domain

/// RFC 8601 section 2.7.1 and RFC 7489 section 11.2.
enum class DmarcStatus { None, Pass, Fail, TempError, PermError };
/// `none`, `pass`, ...
std::string_view name_of(DmarcStatus status);

/// How the organizational domain is found.
enum class DmarcDiscovery { SuffixList, TreeWalk };

struct DmarcRequest {
  std::string author_domain;  // from author_domain()
  SpfResult spf;
  std::vector<DkimResult> dkim;
  DmarcDiscovery discovery = DmarcDiscovery::SuffixList;
  int sample = 0;  // a random number from 0 to 99, for pct=
};

struct DmarcResult {
  DmarcStatus status = DmarcStatus::None;
  std::string reason;                         // of what is neither Pass nor Fail
  DmarcPolicy policy = DmarcPolicy::None;     // that the domain has published for such mail
  DmarcPolicy requested = DmarcPolicy::None;  // the same, after pct= and t= have softened it
  std::string author_domain;
  std::string record_domain;  // where the record was found
  bool spf_aligned = false;   // SPF has passed for a domain that stands for the author's
  bool dkim_aligned = false;  // so has a DKIM signature
  std::optional<DmarcRecord> record;
};

/// The domain of the author in a header, in A-labels and lower case. Error 550 if there is not
/// exactly one From, or it does not show one domain: then nothing can be said about the author (RFC
/// 7489 section 6.6.1).
Result<std::string> author_domain(std::string_view header);
/// Whether that is so because there are several From fields, or addresses of several domains.
bool shows_several_authors(std::string_view header);

/// What DNS has not answered within `time_max` is TempError.
Task<DmarcResult> check_dmarc(Loop& loop, Resolver& resolver, DmarcRequest request,
                              Duration time_max);

}  // namespace pennypost
