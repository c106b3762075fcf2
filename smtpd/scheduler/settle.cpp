// Settles an active message after its attempts, in one commit: removes it or sets its next due
// time, and adds reports to its sender to the queue.
#include "smtpd/scheduler/active_message.h"

#include <algorithm>
#include <iterator>

#include "common/log/log.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {
Task<std::optional<WaitingMessage>> ActiveMessage::settle() {
  if (client_) answer_client();
  Changes changes;
  if (!asked_.is_to_be_removed) co_await add_reports_due();
  bool is_removed = asked_.is_to_be_removed || message_->is_finished();
  if (is_removed) {
    message_->remove(changes);
  } else {
    plan();
    message_->save(changes);
  }
  // The removal may wait for a later commit if a second attempt would deliver nothing twice.
  bool can_wait = is_removed && is_repeatable_ && !asked_.is_to_be_removed;
  auto work = commit(std::move(changes), can_wait);
  co_await std::move(work);

  std::optional<WaitingMessage> waits;
  if (!is_removed) {
    waits.emplace();
    waits->due = was_deferred_ ? message_->record().due : due_;
    waits->recipients = static_cast<std::uint32_t>(message_->pending_count());
    waits->is_held = message_->record().is_held;
    waits->is_uncertain = is_uncertain_ && message_->has_uncertain();
  } else if (message_->is_finished()) {
    log_removed(id_.value());
  } else {
    log_queue_change(id_.value(), "removed");
  }
  co_return std::move(waits);
}

/// Tells the LMTP client what became of its recipients, and gives those back to it that were not
/// delivered to. That is said before it is committed: after a crash between the two they are tried
/// again here as well. An admin who holds or removes the message has taken it from the client.
void ActiveMessage::answer_client() {
  if (asked_.is_to_be_removed || asked_.is_to_be_held) return;
  auto given_back = client_->answer(*message_);
  if (given_back == 0) return;
  log_info("qmgr", id_.value() + ": left with the LMTP client: " + std::to_string(given_back) +
                       (given_back == 1 ? " recipient" : " recipients"));
}

/// Adds the reports that are due now. Mail that is too old is given up first.
Task<> ActiveMessage::add_reports_due() {
  auto config = context_.peers.config();
  std::int64_t arrival = message_->envelope().arrival / 1'000'000;
  bool is_bounce = message_->envelope().sender.empty();
  bool is_forced = message_->record().is_to_expire || asked_.is_to_expire;
  bool is_old = is_expired(*config, is_bounce, arrival, context_.now());
  if (was_deferred_ && (is_forced || is_old)) give_up(is_forced);
  bool tells_delay = was_deferred_ && !message_->record().delay_was_told &&
                     is_delay_to_be_told(*config, arrival, context_.now());
  if (has_reports(*message_, tells_delay)) {
    std::uint64_t needed = original_bytes_needed(*config, message_->envelope());
    auto original = co_await context_.queue.text(message_->envelope(), needed);
    auto lifetime = is_bounce ? config->bounce_queue_lifetime : config->maximal_queue_lifetime;
    auto templates = context_.peers.templates ? context_.peers.templates() : nullptr;
    if (!templates) templates = std::make_shared<const BounceTemplates>(built_in_templates());
    auto reports = take_reports(*message_, tells_delay, original ? *original : std::string(),
                                arrival + lifetime.count(), *config, *templates, context_.clock);
    std::ranges::move(reports, std::back_inserter(new_messages_));
  }
  if (tells_delay) message_->change_record().delay_was_told = true;
}

/// Makes all pending recipients fail, since the mail is too old or an admin has it returned.
void ActiveMessage::give_up(bool is_forced) {
  log_expired(id_.value(), message_->envelope().sender, is_forced);
  for (auto number : message_->pending()) {
    RecipientRecord& entry = message_->change(number);
    entry.state = RecipientState::Done;
    bool is_wanted =
        is_failure_told(*context_.peers.config(), message_->plain_sender_of(entry.recipient),
                        entry.recipient.notify);
    entry.report = is_wanted ? ReportDue::Expired : ReportDue::None;
  }
}

/// Sets when it is tried next, and carries out admins' requests.
void ActiveMessage::plan() {
  if (asked_.is_to_be_held) message_->change_record().is_held = true;
  if (asked_.is_to_expire) message_->change_record().is_to_expire = true;
  if (asked_.is_to_be_requeued) message_->expand_again();
  if (asked_.is_to_be_requeued || asked_.is_to_be_flushed) {
    message_->change_record().due = due_ = context_.now();
  } else if (was_deferred_) {
    std::int64_t arrival = message_->envelope().arrival / 1'000'000;
    message_->change_record().due = next_attempt(*context_.peers.config(), arrival, context_.now());
  } else {
    due_ = context_.now() + (context_.is_draining() ? 0 : std::max(busy_, busy_seconds));
  }
}

}  // namespace pennypost::smtp
