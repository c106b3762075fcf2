#include "smtpd/scheduler/retry.h"

#include <algorithm>

namespace pennypost::smtp {

std::int64_t next_attempt(const Config& config, std::int64_t arrival, std::int64_t now) {
  std::int64_t low = config.minimal_backoff_time.count();
  std::int64_t high = std::max<std::int64_t>(low, config.maximal_backoff_time.count());
  std::int64_t due = now + std::clamp(now - arrival, low, high);
  std::int64_t run = std::max<std::int64_t>(1, config.queue_run_delay.count());
  return (due + run - 1) / run * run;
}

bool is_expired(const Config& config, bool is_bounce, std::int64_t arrival, std::int64_t now) {
  auto lifetime = is_bounce ? config.bounce_queue_lifetime : config.maximal_queue_lifetime;
  return now - arrival >= lifetime.count();
}

bool is_delay_to_be_told(const Config& config, std::int64_t arrival, std::int64_t now) {
  return config.delay_warning_time.count() > 0 &&
         now - arrival >= config.delay_warning_time.count();
}

bool wants_report(std::uint8_t notify, Notify kind) {
  if (notify == notify_default) return kind == notify_failure || kind == notify_delay;
  return (notify & notify_never) == 0 && (notify & kind) != 0;
}

}  // namespace pennypost::smtp
