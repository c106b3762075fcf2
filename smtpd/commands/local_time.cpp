#include "smtpd/commands/local_time.h"

#include <ctime>

namespace pennypost::smtp {

std::string local_time(std::int64_t seconds) {
  auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[32];
  auto size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return {text, size};
}

}  // namespace pennypost::smtp
