// Takes dates apart by the Gregorian calendar.
#include "store/sieve/date_parts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "common/base/text.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::int64_t modified_julian_day_of_1970 = 40'587;

struct Parts {
  explicit Parts(MailDate date) : zone_minutes(date.zone_minutes) {
    using namespace std::chrono;
    sys_seconds local{seconds(date.seconds + std::int64_t{60} * date.zone_minutes)};
    auto day_start = floor<days>(local);
    day = day_start;
    calendar = year_month_day(day_start);
    time = hh_mm_ss(local - day_start);
  }
  std::chrono::sys_days day;
  std::chrono::year_month_day calendar;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
  int zone_minutes;

  int year() const { return static_cast<int>(calendar.year()); }
  unsigned month() const { return static_cast<unsigned>(calendar.month()); }
  unsigned day_of_month() const { return static_cast<unsigned>(calendar.day()); }
  unsigned hour() const { return static_cast<unsigned>(time.hours().count()); }
  unsigned minute() const { return static_cast<unsigned>(time.minutes().count()); }
  unsigned second() const { return static_cast<unsigned>(time.seconds().count()); }
};

std::string digits(std::int64_t value, int width) {
  auto text = std::to_string(value);
  while (text.size() < static_cast<std::size_t>(width)) text.insert(text.begin(), '0');
  return text;
}

std::string day_text(const Parts& parts) {
  return digits(parts.year(), 4) + "-" + digits(parts.month(), 2) + "-" +
         digits(parts.day_of_month(), 2);
}

std::string time_text(const Parts& parts) {
  return digits(parts.hour(), 2) + ":" + digits(parts.minute(), 2) + ":" +
         digits(parts.second(), 2);
}

std::string zone_text(const Parts& parts, std::string_view between) {
  int minutes = parts.zone_minutes < 0 ? -parts.zone_minutes : parts.zone_minutes;
  return (parts.zone_minutes < 0 ? "-" : "+") + digits(minutes / 60, 2) + std::string(between) +
         digits(minutes % 60, 2);
}

struct PartRow {
  std::string_view name;
  std::string (*shown)(const Parts& parts, MailDate date);
};
constexpr std::array part_rows{
    PartRow{"year", [](const Parts& p, MailDate) { return digits(p.year(), 4); }},
    PartRow{"month", [](const Parts& p, MailDate) { return digits(p.month(), 2); }},
    PartRow{"day", [](const Parts& p, MailDate) { return digits(p.day_of_month(), 2); }},
    PartRow{"date", [](const Parts& p, MailDate) { return day_text(p); }},
    // The modified Julian day.
    PartRow{"julian",
            [](const Parts& p, MailDate) {
              return std::to_string(p.day.time_since_epoch().count() + modified_julian_day_of_1970);
            }},
    PartRow{"hour", [](const Parts& p, MailDate) { return digits(p.hour(), 2); }},
    PartRow{"minute", [](const Parts& p, MailDate) { return digits(p.minute(), 2); }},
    PartRow{"second", [](const Parts& p, MailDate) { return digits(p.second(), 2); }},
    PartRow{"time", [](const Parts& p, MailDate) { return time_text(p); }},
    PartRow{"iso8601",
            [](const Parts& p, MailDate) {
              return day_text(p) + "T" + time_text(p) + zone_text(p, ":");
            }},
    PartRow{"std11", [](const Parts&, MailDate date) { return format_date(date); }},
    PartRow{"zone", [](const Parts& p, MailDate) { return zone_text(p, ""); }},
    // Sunday is 0.
    PartRow{"weekday",
            [](const Parts& p, MailDate) {
              return std::to_string(std::chrono::weekday(p.day).c_encoding());
            }},
};

}  // namespace

bool is_date_part(std::string_view name) {
  return std::ranges::find(part_rows, lower(name), &PartRow::name) != part_rows.end();
}

std::string date_part_names() {
  std::string names;
  for (const auto& row : part_rows) {
    if (!names.empty()) names += &row == &part_rows.back() ? " and " : ", ";
    names += row.name;
  }
  return names;
}

std::optional<std::string> date_part(std::string_view name, MailDate date) {
  const auto* row = std::ranges::find(part_rows, lower(name), &PartRow::name);
  if (row == part_rows.end()) return std::nullopt;
  return row->shown(Parts(date), date);
}

std::optional<int> parse_zone(std::string_view text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  auto hours = parse_number(text.substr(1, 2));
  auto minutes = parse_number(text.substr(3, 2));
  if (!hours || !minutes || *minutes > 59) return std::nullopt;
  int east = static_cast<int>(*hours * 60 + *minutes);
  return text[0] == '-' ? -east : east;
}

}  // namespace pennypost::store::sieve
