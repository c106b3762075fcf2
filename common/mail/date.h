// Parses and writes the dates of mail and IMAP.
//
// A MailDate keeps the zone it was written in. Ranges are strict (no 31 April, no hour 24; a leap
// second :60 is accepted and means the second after :59); years are 1900 to 9999. Nothing here
// reads a clock.
//
// STANDARDS  RFC 5322 sections 3.3 and 4.3 (obsolete: two-digit years, named zones, comments),
//            RFC 9051 section 9 (date-time, date)
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// A point in time, in seconds since 1970-01-01 UTC, and the zone it is shown in.
struct MailDate {
  std::int64_t seconds = 0;
  int zone_minutes = 0;  // east of UTC, within -99*60-59 and 99*60+59

  /// The calendar day that is shown, whatever the zone, in days since 1970-01-01: SENTBEFORE,
  /// SENTON and SENTSINCE compare it (RFC 9051 section 6.4.4: disregarding time and timezone).
  std::int64_t shown_day() const;

  friend auto operator<=>(const MailDate&, const MailDate&) = default;
};

/// The time in the system's time zone (TZ, /etc/localtime).
MailDate local_date(std::int64_t seconds);

/// A Date field's body: `Tue, 14 Nov 2023 22:13:20 +0000 (UTC)`, and the obsolete forms. Zones
/// without known meaning count as UTC (RFC 5322 section 4.3). Nothing if it is not a date.
std::optional<MailDate> parse_date(std::string_view text);
/// RFC 5322 section 3.3: `Tue, 14 Nov 2023 22:13:20 +0000`.
std::string format_date(MailDate date);

/// IMAP's date-time without its quotes: `14-Nov-2023 22:13:20 +0000`; the day with a leading zero
/// or blank, or as iOS and Outlook send it with neither.
std::optional<MailDate> parse_imap_date_time(std::string_view text);
/// The same, as INTERNALDATE shows it: the day always two octets wide, with a leading blank.
std::string format_imap_date_time(MailDate date);

/// IMAP's date, in quotes or without, day as above: `1-Feb-1994`; as days since 1970-01-01.
std::optional<std::int64_t> parse_imap_date(std::string_view text);

/// The From_ line's date of an mbox: `Tue Nov 14 22:13:20 2023`, in the zone of `date`.
std::string format_ctime(MailDate date);

}  // namespace pennypost
