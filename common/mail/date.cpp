#include "common/mail/date.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::int64_t day_seconds = 86400;
constexpr std::size_t date_bytes_usual = 32;
constexpr int year_min = 1900;
constexpr int year_max = 9999;

struct NamedZone {
  std::string_view name;
  int hours;
};
constexpr NamedZone named_zones[]{{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                                  {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};

/// The fields of a written date.
struct Civil {
  int year = 0;
  unsigned month = 0;  // 1 to 12
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

std::int64_t days_of(const Civil& civil) {
  std::chrono::year_month_day date{std::chrono::year{civil.year}, std::chrono::month{civil.month},
                                   std::chrono::day{civil.day}};
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

bool in_range(const Civil& civil) {
  std::chrono::year_month_day date{std::chrono::year{civil.year}, std::chrono::month{civil.month},
                                   std::chrono::day{civil.day}};
  return date.ok() && civil.year >= year_min && civil.year <= year_max && civil.hour < 24 &&
         civil.minute < 60 && civil.second <= 60;
}

std::optional<MailDate> date_of(const Civil& civil, int zone_minutes) {
  if (!in_range(civil)) return {};
  auto shown = days_of(civil) * day_seconds + civil.hour * 3600 + civil.minute * 60 + civil.second;
  return MailDate{shown - zone_minutes * 60, zone_minutes};
}

std::int64_t floor_days(std::int64_t seconds) {
  auto days = seconds / day_seconds;
  return seconds % day_seconds < 0 ? days - 1 : days;
}

Civil civil_of(MailDate date) {
  auto shown = date.seconds + date.zone_minutes * 60;
  auto days = floor_days(shown);
  auto rest = static_cast<unsigned>(shown - days * day_seconds);
  std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{days}}};
  return {static_cast<int>(day.year()),
          static_cast<unsigned>(day.month()),
          static_cast<unsigned>(day.day()),
          rest / 3600,
          rest / 60 % 60,
          rest % 60};
}

std::string_view weekday_of(MailDate date) {
  std::chrono::sys_days day{std::chrono::days{date.shown_day()}};
  return weekdays[std::chrono::weekday{day}.c_encoding()];
}

/// Scans a date from its front; each take_ moves on only if it succeeds.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }

  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  /// Skips blanks, folds and comments (RFC 5322 section 3.2.2); comments may nest.
  void skip_comments() {
    int depth = 0;
    while (!text_.empty()) {
      char c = text_.front();
      if (c == '(') ++depth;
      if (depth == 0 && !is_space(c)) return;
      if (c == ')') --depth;
      if (c == '\\' && text_.size() > 1) text_.remove_prefix(1);
      text_.remove_prefix(1);
    }
  }

  /// A number of `least` to `most` digits that no further digit follows.
  std::optional<unsigned> number(std::size_t least, std::size_t most) {
    std::size_t digits = 0;
    unsigned value = 0;
    while (digits < text_.size() && digits <= most && is_digit(text_[digits])) {
      value = value * 10 + static_cast<unsigned>(text_[digits++] - '0');
    }
    if (digits < least || digits > most) return {};
    text_.remove_prefix(digits);
    digits_ = digits;
    return value;
  }
  /// How many digits the last number() had.
  std::size_t digits() const { return digits_; }

  std::string_view word() {
    std::size_t length = 0;
    while (length < text_.size() && is_alpha(text_[length])) ++length;
    auto word = text_.substr(0, length);
    text_.remove_prefix(length);
    return word;
  }

  std::optional<unsigned> month() {
    auto name = word();
    for (unsigned i = 0; i < months.size(); ++i) {
      if (equal_nocase(months[i], name)) return i + 1;
    }
    return {};
  }

  /// `22:13:20`; the `:20` may be missing if `seconds_optional`, and comments are allowed between
  /// the parts if `loose`.
  bool time(Civil& civil, bool seconds_optional, bool loose) {
    auto gap = [&] {
      if (loose) skip_comments();
    };
    auto least = loose ? 1u : 2u;
    auto hour = number(least, 2);
    gap();
    if (!hour || !take(':')) return false;
    gap();
    auto minute = number(least, 2);
    if (!minute) return false;
    gap();
    std::optional<unsigned> second = 0;
    if (take(':')) {
      gap();
      second = number(least, 2);
    } else if (!seconds_optional) {
      return false;
    }
    if (!second) return false;
    civil.hour = *hour;
    civil.minute = *minute;
    civil.second = *second;
    return true;
  }

  /// `+0100`: minutes east of UTC.
  std::optional<int> numeric_zone() {
    bool west = text_.starts_with('-');
    if (!west && !text_.starts_with('+')) return {};
    text_.remove_prefix(1);
    auto digits = number(4, 4);
    if (!digits || *digits % 100 > 59) return {};
    int minutes = static_cast<int>(*digits / 100 * 60 + *digits % 100);
    return west ? -minutes : minutes;
  }

 private:
  std::string_view text_;
  std::size_t digits_ = 0;
};

/// RFC 5322 section 4.3: two digits below 50 are 20xx, three digits count from 1900.
int full_year(unsigned year, std::size_t digits) {
  if (digits >= 4) return static_cast<int>(year);
  return static_cast<int>(year) + (digits == 2 && year < 50 ? 2000 : 1900);
}

std::string_view skip_weekday(Scanner& scanner) {
  auto name = scanner.word();
  scanner.skip_comments();
  scanner.take(',');
  scanner.skip_comments();
  return name;
}

/// IMAP's `7-Feb-1994`; a day of one digit may have a blank before it.
bool take_imap_day(Scanner& scanner, Civil& civil) {
  bool blank = scanner.take(' ');
  auto day = scanner.number(1, blank ? 1 : 2);
  if (!day || !scanner.take('-')) return false;
  auto month = scanner.month();
  if (!month || !scanner.take('-')) return false;
  auto year = scanner.number(4, 4);
  if (!year) return false;
  civil.day = *day;
  civil.month = *month;
  civil.year = static_cast<int>(*year);
  return true;
}

bool is_weekday(std::string_view name) {
  for (auto weekday : weekdays) {
    if (starts_with_nocase(name, weekday)) return true;
  }
  return false;
}

/// A zone's minutes; a missing or unknown one is UTC.
std::optional<int> zone_of(Scanner& scanner) {
  if (scanner.at_end()) return 0;
  auto name = scanner.word();
  if (name.empty()) return scanner.numeric_zone();
  for (const auto& zone : named_zones) {
    if (equal_nocase(zone.name, name)) return zone.hours * 60;
  }
  return 0;
}

/// Appends `number` in at least `width` octets, with `fill` before it.
void add_number(std::string& out, unsigned number, std::size_t width, char fill = '0') {
  std::array<char, 16> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  auto count = static_cast<std::size_t>(end - digits.data());
  if (count < width) out.append(width - count, fill);
  out.append(digits.data(), count);
}

void add_time(std::string& out, const Civil& civil) {
  add_number(out, civil.hour, 2);
  out += ':';
  add_number(out, civil.minute, 2);
  out += ':';
  add_number(out, civil.second, 2);
}

void add_year(std::string& out, const Civil& civil) {
  if (civil.year < 0) {
    out += std::to_string(civil.year);
  } else {
    add_number(out, static_cast<unsigned>(civil.year), 4);
  }
}

void add_zone(std::string& out, int zone_minutes) {
  auto size = static_cast<unsigned>(zone_minutes < 0 ? -zone_minutes : zone_minutes);
  out += zone_minutes < 0 ? '-' : '+';
  add_number(out, size / 60, 2);
  add_number(out, size % 60, 2);
}

/// `2023 22:13:20 +0000`, the end of both Date and date-time.
void add_year_time_zone(std::string& out, const Civil& civil, int zone_minutes) {
  add_year(out, civil);
  out += ' ';
  add_time(out, civil);
  out += ' ';
  add_zone(out, zone_minutes);
}

}  // namespace

std::int64_t MailDate::shown_day() const { return floor_days(seconds + zone_minutes * 60); }

MailDate local_date(std::int64_t seconds) {
  std::time_t time = seconds;
  std::tm local{};
  if (localtime_r(&time, &local) == nullptr) return {seconds, 0};
  return {seconds, static_cast<int>(local.tm_gmtoff / 60)};
}

std::optional<MailDate> parse_date(std::string_view text) {
  Scanner scanner(text);
  Civil civil;
  scanner.skip_comments();
  auto day = scanner.number(1, 2);
  if (!day) {
    if (!is_weekday(skip_weekday(scanner))) return {};
    day = scanner.number(1, 2);
  }
  scanner.skip_comments();
  auto month = scanner.month();
  scanner.skip_comments();
  auto year = scanner.number(2, 4);
  if (!day || !month || !year) return {};
  civil.day = *day;
  civil.month = *month;
  civil.year = full_year(*year, scanner.digits());
  scanner.skip_comments();
  if (!scanner.time(civil, true, true)) return {};
  scanner.skip_comments();
  auto zone = zone_of(scanner);
  scanner.skip_comments();
  if (!zone) return {};
  return date_of(civil, *zone);
}

std::string format_date(MailDate date) {
  auto civil = civil_of(date);
  std::string out;
  out.reserve(date_bytes_usual);
  add(out, weekday_of(date), ", ");
  add_number(out, civil.day, 1);
  add(out, ' ', months[civil.month - 1], ' ');
  add_year_time_zone(out, civil, date.zone_minutes);
  return out;
}

std::optional<MailDate> parse_imap_date_time(std::string_view text) {
  Scanner scanner(text);
  Civil civil;
  if (!take_imap_day(scanner, civil) || !scanner.take(' ')) return {};
  if (!scanner.time(civil, false, false) || !scanner.take(' ')) return {};
  auto zone = scanner.numeric_zone();
  if (!zone || !scanner.at_end()) return {};
  return date_of(civil, *zone);
}

std::string format_imap_date_time(MailDate date) {
  auto civil = civil_of(date);
  std::string out;
  out.reserve(date_bytes_usual);
  add_number(out, civil.day, 2, ' ');
  add(out, '-', months[civil.month - 1], '-');
  add_year_time_zone(out, civil, date.zone_minutes);
  return out;
}

std::optional<std::int64_t> parse_imap_date(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  Scanner scanner(text);
  Civil civil;
  if (!take_imap_day(scanner, civil) || !scanner.at_end()) return {};
  if (!in_range(civil)) return {};
  return days_of(civil);
}

std::string format_ctime(MailDate date) {
  auto civil = civil_of(date);
  std::string out;
  out.reserve(date_bytes_usual);
  add(out, weekday_of(date), ' ', months[civil.month - 1], ' ');
  add_number(out, civil.day, 2, ' ');
  out += ' ';
  add_time(out, civil);
  out += ' ';
  add_year(out, civil);
  return out;
}

}  // namespace pennypost
