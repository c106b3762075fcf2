#include "common/base/day.h"

#include <chrono>

#include "common/base/text.h"

namespace pennypost {
namespace {

std::string two_digits(unsigned number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

std::string day_of(std::int64_t seconds) {
  auto days = std::chrono::floor<std::chrono::days>(std::chrono::seconds(seconds));
  std::chrono::year_month_day day{std::chrono::sys_days(days)};
  return std::to_string(static_cast<int>(day.year())) + "-" +
         two_digits(static_cast<unsigned>(day.month())) + "-" +
         two_digits(static_cast<unsigned>(day.day()));
}

std::optional<std::int64_t> begin_of_day(std::string_view day) {
  if (day.size() != 10 || day[4] != '-' || day[7] != '-') return {};
  auto year = parse_number(day.substr(0, 4));
  auto month = parse_number(day.substr(5, 2));
  auto date = parse_number(day.substr(8, 2));
  if (!year || !month || !date) return {};
  std::chrono::year_month_day parsed{std::chrono::year(static_cast<int>(*year)),
                                     std::chrono::month(static_cast<unsigned>(*month)),
                                     std::chrono::day(static_cast<unsigned>(*date))};
  if (!parsed.ok()) return {};
  std::chrono::seconds begin = std::chrono::sys_days(parsed).time_since_epoch();
  return begin.count();
}

}  // namespace pennypost
