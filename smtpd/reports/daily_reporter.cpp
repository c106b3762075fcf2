#include "smtpd/reports/daily_reporter.h"

#include <utility>

#include "common/base/day.h"
#include "common/log/log.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {

Task<> DailyReporter::run() {
  for (;;) {
    auto sending = send_due();
    co_await std::move(sending);
    co_await loop_.sleep(round);
  }
}

Task<> DailyReporter::send_due() {
  const auto now = clock_.now_seconds();
  auto due = co_await loop_.offload([&] { return lines().closed(now); });
  if (!due) log_warning(component_, due.error().text());
  if (!due) co_return;
  for (auto& collection : *due) {
    const std::string name = collection.domain + " of " + collection.day;
    bool is_due = is_wanted(*ask_.config()) && !is_too_old(collection);
    auto work = is_due ? send(std::move(collection)) : drop(std::move(collection));
    auto done = co_await std::move(work);
    if (!done) log_warning(component_, "report to " + name + ": " + done.error().text());
  }
}

bool DailyReporter::is_too_old(const Collection& collection) const {
  auto begin = begin_of_day(collection.day).value_or(0);
  return begin + (days_kept + 1) * seconds_of_day <= clock_.now_seconds();
}

Task<Result<void>> DailyReporter::send(Collection collection) {
  FindReportTargets find;
  find.domain = collection.domain;
  find.kind = kind();
  auto finding = ask_.find_targets(std::move(find));
  CO_TRY(auto found, co_await std::move(finding));
  Written written;
  if (!found.targets.empty()) {
    const auto config = ask_.config();
    // Ids are made on this thread alone.
    auto id = make_queue_id(clock_);
    CO_TRY(written, co_await loop_.offload(
                        [&] { return write(std::move(id), collection, found.targets, *config); }));
  }
  if (!written.is_empty && !written.message) {
    log_info(component_, "report to " + collection.domain + " of " + collection.day +
                             ": it is larger than the domain wants; not sent");
  }
  if (written.message) {
    auto& message = *written.message;
    log_message_id(message.envelope.id.value(), message.envelope.message_id);
    log_info(component_, message.envelope.id.value() + ": report to " + collection.domain + " of " +
                             collection.day);
    auto submitting = ask_.submit(std::move(message));
    CO_TRY_DO(co_await std::move(submitting));
  }
  auto dropping = drop(std::move(collection));
  co_return co_await std::move(dropping);
}

Task<Result<void>> DailyReporter::drop(Collection collection) {
  co_return co_await loop_.offload([&] { return lines().drop(collection); });
}

Task<> DailyReporter::keep(std::function<Result<void>(std::int64_t now)> add) {
  const auto now = clock_.now_seconds();
  auto kept = co_await loop_.offload([&] { return add(now); });
  if (kept) co_return;
  auto day = day_of(now);
  if (day != warned_) log_warning(component_, kept.error().text());
  warned_ = std::move(day);
}

}  // namespace pennypost::smtp
