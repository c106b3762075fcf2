// The tests `date` and `currentdate`.
//
// STANDARDS  RFC 5260 sections 4 and 5
#include "common/base/text.h"
#include "store/sieve/date_parts.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"

namespace pennypost::store::sieve {
namespace {

/// The date in the zone that the test asks for, by default the owner's.
Result<MailDate> in_zone(Run& run, const Command& test, MailDate date) {
  if (test.has(Tag::OriginalZone)) return date;
  if (!test.has(Tag::Zone)) return run.environment().in_local_zone(date.seconds);
  auto text = run.text_after(test, Tag::Zone);
  auto zone = parse_zone(text);
  if (!zone) {
    return Error::permanent("\"" + printable(text, 100) +
                            "\" is no time zone; write +hhmm or -hhmm");
  }
  return MailDate{date.seconds, *zone};
}

Result<bool> matches(Run& run, const Command& test, Matching& matching, const std::string& part,
                     MailDate date) {
  TRY(auto shown, in_zone(run, test, date));
  auto text = date_part(part, shown);
  if (!text) return false;
  return matching.value(*text);
}

/// The date is what follows the last `;`, as in Received, or the whole body.
std::optional<MailDate> date_in(std::string_view body) {
  auto text = unfold(body);
  auto semicolon = text.rfind(';');
  return parse_date(semicolon == std::string::npos ? text : text.substr(semicolon + 1));
}

}  // namespace

Result<bool> date(Run& run, const Command& test) {
  Matching matching(run, test);
  auto part = run.text(test.arguments[1]);
  for (auto body : field_bodies(run, test, run.text(test.arguments[0]))) {
    auto found = date_in(body);
    if (!found) continue;
    TRY(bool is_match, matches(run, test, matching, part, *found));
    if (is_match) return true;
    // RFC 5260 section 4: without :index the first field is meant.
    break;
  }
  return matching.end();
}

Result<bool> currentdate(Run& run, const Command& test) {
  Matching matching(run, test);
  MailDate now{run.environment().now_seconds(), 0};
  TRY(bool is_match, matches(run, test, matching, run.text(test.arguments[0]), now));
  if (is_match) return true;
  return matching.end();
}

}  // namespace pennypost::store::sieve
