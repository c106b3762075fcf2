#include "smtpd/scheduler/transport_limits.h"

#include <algorithm>
#include <array>

namespace pennypost::smtp {
namespace {

struct Row {
  std::string_view transport;
  Limit Settings::*concurrency;
  Limit Settings::*recipients;
  std::uint64_t Settings::*initial_concurrency;
  std::uint64_t Settings::*failed_cohorts;
  std::chrono::seconds Settings::*destination_rate_delay;
  std::chrono::seconds Settings::*transport_rate_delay;
};

constexpr Row defaults{
    "",
    &Settings::default_destination_concurrency_limit,
    &Settings::default_destination_recipient_limit,
    &Settings::initial_destination_concurrency,
    &Settings::default_destination_concurrency_failed_cohort_limit,
    &Settings::default_destination_rate_delay,
    &Settings::default_transport_rate_delay,
};

// A delivery to a mailbox makes no connection that could fail: the default of failed cohorts is not
// used for it.
constexpr std::array rows{
    Row{"lmtp", &Settings::lmtp_destination_concurrency_limit,
        &Settings::lmtp_destination_recipient_limit,
        &Settings::lmtp_initial_destination_concurrency,
        &Settings::lmtp_destination_concurrency_failed_cohort_limit,
        &Settings::lmtp_destination_rate_delay, &Settings::lmtp_transport_rate_delay},
    Row{"local", &Settings::local_destination_concurrency_limit,
        &Settings::local_destination_recipient_limit,
        &Settings::local_initial_destination_concurrency,
        &Settings::default_destination_concurrency_failed_cohort_limit,
        &Settings::local_destination_rate_delay, &Settings::local_transport_rate_delay},
    Row{"relay", &Settings::relay_destination_concurrency_limit,
        &Settings::relay_destination_recipient_limit,
        &Settings::relay_initial_destination_concurrency,
        &Settings::relay_destination_concurrency_failed_cohort_limit,
        &Settings::relay_destination_rate_delay, &Settings::relay_transport_rate_delay},
    Row{"smtp", &Settings::smtp_destination_concurrency_limit,
        &Settings::smtp_destination_recipient_limit,
        &Settings::smtp_initial_destination_concurrency,
        &Settings::smtp_destination_concurrency_failed_cohort_limit,
        &Settings::smtp_destination_rate_delay, &Settings::smtp_transport_rate_delay},
    Row{"virtual", &Settings::virtual_destination_concurrency_limit,
        &Settings::virtual_destination_recipient_limit,
        &Settings::virtual_initial_destination_concurrency,
        &Settings::default_destination_concurrency_failed_cohort_limit,
        &Settings::virtual_destination_rate_delay, &Settings::virtual_transport_rate_delay},
};

}  // namespace

TransportLimits transport_limits(const Config& config, std::string_view name) {
  auto found = std::ranges::find(rows, name, &Row::transport);
  const Row& row = found == rows.end() ? defaults : *found;
  const Settings& settings = config.of_transport(name);
  TransportLimits limits;
  limits.concurrency = settings.*row.concurrency;
  limits.recipients = settings.*row.recipients;
  limits.initial_concurrency = settings.*row.initial_concurrency;
  limits.failed_cohorts = settings.*row.failed_cohorts;
  limits.destination_rate_delay = settings.*row.destination_rate_delay;
  limits.transport_rate_delay = settings.*row.transport_rate_delay;
  return limits;
}

}  // namespace pennypost::smtp
