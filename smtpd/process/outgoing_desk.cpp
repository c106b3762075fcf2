#include "smtpd/process/outgoing_desk.h"

#include "common/base/text.h"
#include "common/log/log.h"
#include "smtpd/scheduler/usage_notice.h"

namespace pennypost::smtp {
namespace {

/// Under which it is remembered that a user has written to somebody.
std::string written_to(const std::string& user, const Recipient& recipient) {
  return "w/" + lower(user) + " " + lower(recipient.address);
}

}  // namespace

OutgoingDesk::OutgoingDesk(Loop& loop, Scheduler& scheduler, FactStore& facts, GetConfig config)
    : scheduler_(scheduler),
      facts_(facts),
      config_(std::move(config)),
      limits_(Clock::system(),
              [this](std::string key, std::string value, std::int64_t until) {
                facts_.keep(std::move(key), std::move(value), until);
              }),
      tasks_(loop) {
  tasks_.start(restore());
}

/// What users have sent before the last stop.
Task<> OutgoingDesk::restore() {
  auto reading = facts_.all(std::string(OutgoingLimits::key_prefix));
  auto kept = co_await std::move(reading);
  for (const auto& [key, value] : kept) limits_.restore(key, value);
}

Task<Result<void>> OutgoingDesk::count(std::string user, std::vector<Recipient> recipients) {
  auto config = config_();
  if (!OutgoingLimits::has_limits(*config)) co_return Result<void>();
  bool counts_new = OutgoingLimits::counts_new_recipients(*config);
  std::uint64_t new_recipients = 0;
  if (counts_new) {
    for (const Recipient& recipient : recipients) {
      auto looking = facts_.find(written_to(user, recipient));
      auto known = co_await std::move(looking);
      if (!known) ++new_recipients;
    }
  }
  CO_TRY(auto warnings, limits_.note(user, recipients.size(), new_recipients, *config));
  for (auto& warning : warnings) tasks_.start(warn(std::move(warning)));
  if (counts_new) {
    auto until = Clock::system().now_seconds() + Seconds(known_recipient_life).count();
    for (const Recipient& recipient : recipients) {
      facts_.keep(written_to(user, recipient), "", until);
    }
  }
  co_return Result<void>();
}

Task<> OutgoingDesk::warn(OutgoingWarning warning) {
  log_warning("qmgr", warning.sender + " nears " + warning.setting + ": " +
                          std::to_string(warning.used) + " of " + std::to_string(warning.limit));
  auto notice = usage_notice(warning, *config_(), Clock::system());
  auto work = scheduler_.submit(std::move(notice.envelope), std::move(notice.body));
  auto taken = co_await std::move(work);
  if (!taken) log_warning("bounce", "postmaster notify: " + taken.error().text());
}

}  // namespace pennypost::smtp
