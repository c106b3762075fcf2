#include "smtpd/reports/reporter.h"

#include <optional>
#include <utility>

#include "common/base/day.h"
#include "common/log/log.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/reports/report_mail.h"

namespace pennypost::smtp {

Task<> Reporter::run() {
  for (;;) {
    auto sending = send_due();
    co_await std::move(sending);
    co_await loop_.sleep(round);
  }
}

Task<> Reporter::send_due() {
  const auto now = clock_.now_seconds();
  auto due = co_await loop_.offload([&] { return kept_.closed(now); });
  if (!due) log_warning("dmarc", due.error().text());
  if (!due) co_return;
  for (auto& collection : *due) {
    const std::string name = collection.domain + " of " + collection.day;
    bool is_wanted = ask_.config()->dmarc_reports && !is_too_old(collection);
    auto work = is_wanted ? send(std::move(collection)) : drop(std::move(collection));
    auto done = co_await std::move(work);
    if (!done) log_warning("dmarc", "report to " + name + ": " + done.error().text());
  }
}

bool Reporter::is_too_old(const Evaluations::Collection& collection) const {
  auto begin = begin_of_day(collection.day).value_or(0);
  return begin + (days_kept + 1) * seconds_of_day <= clock_.now_seconds();
}

Task<Result<void>> Reporter::send(Evaluations::Collection collection) {
  FindReportTargets find;
  find.domain = collection.domain;
  auto finding = ask_.find_targets(std::move(find));
  CO_TRY(auto found, co_await std::move(finding));
  std::optional<DmarcReport> report;
  if (!found.targets.empty()) {
    CO_TRY(report, co_await loop_.offload([&] { return kept_.read(collection); }));
  }
  std::optional<NewMessage> message;
  const auto config = ask_.config();
  if (report) {
    sign_report(*report, *config);
    // Ids are made on this thread alone.
    auto id = make_queue_id(clock_);
    message = co_await loop_.offload(
        [&] { return report_mail(id, *report, found.targets, *config, clock_); });
  }
  if (report && !message) {
    log_info("dmarc", "report to " + collection.domain + " of " + collection.day +
                          ": it is larger than the domain wants; not sent");
  }
  if (message) {
    log_message_id(message->envelope.id.value(), message->envelope.message_id);
    log_info("dmarc", message->envelope.id.value() + ": report to " + collection.domain + " of " +
                          collection.day);
    auto submitting = ask_.submit(*std::move(message));
    CO_TRY_DO(co_await std::move(submitting));
  }
  auto dropping = drop(std::move(collection));
  co_return co_await std::move(dropping);
}

Task<Result<void>> Reporter::drop(Evaluations::Collection collection) {
  co_return co_await loop_.offload([&] { return kept_.drop(collection); });
}

Task<> Reporter::note(NoteEvaluation evaluation) {
  const auto now = clock_.now_seconds();
  KeptEvaluation one{std::move(evaluation.policy), std::move(evaluation.row)};
  auto kept = co_await loop_.offload([&] { return kept_.add(one, now); });
  if (kept) co_return;
  auto day = day_of(now);
  if (day != warned_) log_warning("dmarc", kept.error().text());
  warned_ = std::move(day);
}

}  // namespace pennypost::smtp
