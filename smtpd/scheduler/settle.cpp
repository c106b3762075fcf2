// A message after its attempts in; its removal, or its next due time, and reports out: one commit.
#include "smtpd/scheduler/active.h"

#include <algorithm>

#include "common/log/log.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {

/// Mail that is too old goes back to its sender.
void Scheduler::give_up(Active& active) {
  log_expired(active.id.value(), active.message->envelope().sender);
  for (auto number : active.message->pending()) {
    RecipientRecord& entry = active.message->change(number);
    entry.state = RecipientState::Done;
    bool is_wanted = wants_report(entry.recipient.notify, notify_failure);
    entry.report = is_wanted ? ReportDue::Expired : ReportDue::None;
  }
}

/// Reports, removal or the next due time: one commit.
Task<> Scheduler::settle(Active& active) {
  auto config = peers_.config();
  QueuedMessage& message = *active.message;
  std::int64_t arrival = message.envelope().arrival / 1'000'000;
  bool is_bounce = message.envelope().sender.empty();
  Changes changes;
  std::vector<NewReport> reports;
  if (!active.is_to_be_removed) {
    if (active.was_deferred && is_expired(*config, is_bounce, arrival, now())) give_up(active);
    bool tells_delay = active.was_deferred && !message.record().delay_was_told &&
                       is_delay_to_be_told(*config, arrival, now());
    if (has_reports(message, tells_delay)) {
      std::uint64_t needed = original_bytes_needed(*config, message.envelope());
      auto original = co_await queue_.text(message.envelope(), needed);
      auto lifetime = is_bounce ? config->bounce_queue_lifetime : config->maximal_queue_lifetime;
      reports = take_reports(message, tells_delay, original ? *original : std::string(),
                             arrival + lifetime.count(), *config, clock_);
    }
    if (tells_delay) message.change_record().delay_was_told = true;
  }
  for (const auto& report : reports) put_new(changes, report.envelope, report.body);
  bool is_removed = active.is_to_be_removed || message.is_finished();
  if (is_removed) {
    message.remove(changes);
  } else {
    plan(active, *config);
    message.save(changes);
  }
  // Its removal may come with a later commit: another attempt would deliver nothing twice.
  bool has_time = is_removed && reports.empty() && active.is_repeatable && !active.is_to_be_removed;
  auto work = queue_.record(std::move(changes), has_time);
  co_await std::move(work);

  for (auto& report : reports) {
    log_notification(active.id.value(), "sender", report.kind, report.envelope.id.value());
    Waiting entry;
    entry.is_new = true;
    entry.due = now();
    std::string id = report.envelope.id.value();
    entry.message = std::make_unique<QueuedMessage>(std::move(report.envelope));
    entry.body = std::move(report.body);
    wait_until_due(id, std::move(entry));
  }
  if (is_removed) {
    if (!message.is_finished()) {
      log_queue_change(active.id.value(), "removed");
    } else {
      log_removed(active.id.value());
    }
    co_return;
  }
  Waiting entry;
  entry.due = active.was_deferred ? message.record().due : active.due;
  entry.is_held = message.record().is_held;
  entry.is_uncertain = active.is_uncertain && message.has_uncertain();
  wait_until_due(active.id.value(), std::move(entry));
}

/// When it is tried next.
void Scheduler::plan(Active& active, const Config& config) {
  QueuedMessage& message = *active.message;
  if (active.is_to_be_held) message.change_record().is_held = true;
  if (active.is_to_be_requeued) message.expand_again();
  if (active.is_to_be_requeued || active.is_to_be_flushed) {
    message.change_record().due = active.due = now();
  } else if (active.was_deferred) {
    std::int64_t arrival = message.envelope().arrival / 1'000'000;
    message.change_record().due = next_attempt(config, arrival, now());
  } else {
    active.due = now() + (draining_ ? 0 : busy_seconds);
  }
}

}  // namespace pennypost::smtp
