// Applies the outcomes of an attempt to an active message: states, due reports, and a log line for
// each recipient.
#include "smtpd/scheduler/active_message.h"

#include "common/log/log.h"
#include "smtpd/scheduler/outcomes.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {

/// Recipients without an outcome become uncertain: they may have been delivered to.
void ActiveMessage::apply_answer(const Group& group, const std::vector<Outcome>& outcomes) {
  std::set<std::uint32_t> open(group.recipients.begin(), group.recipients.end());
  for (const auto& outcome : outcomes) {
    if (open.erase(outcome.recipient) == 0) continue;
    if (auto checked = check_outcome(outcome, group.route.transport); !checked) {
      log_error("qmgr", id_.value() + ": rejected the outcome of a delivery process: " +
                            checked.error().text());
      open.insert(outcome.recipient);
      break;
    }
    apply(group, outcome);
  }
  for (auto number : open) {
    auto outcome = deferred_outcome("4.3.0", "the delivery process reported no outcome");
    outcome.recipient = number;
    apply(group, outcome);
    message_->change(number).is_uncertain = true;
  }
}

void ActiveMessage::apply_to_all(const Group& group, Outcome outcome) {
  for (auto number : group.recipients) {
    outcome.recipient = number;
    apply(group, outcome);
  }
}

/// A command of a [transport.NAME] passes the mail on, unless its flags have X: then it has
/// delivered it.
bool ActiveMessage::is_relayed_by_program(const Group& group) const {
  if (group.route.transport != Transport::Program) return false;
  auto config = context_.peers.config();
  const OwnTransport* transport = config->find_transport(group.route.name);
  return transport == nullptr || !transport->pipe.has('X');
}

void ActiveMessage::apply(const Group& group, const Outcome& outcome) {
  RecipientRecord& entry = message_->change(outcome.recipient);
  entry.status = outcome.status;
  entry.reason = outcome.reason;
  entry.relay = outcome.relay;
  entry.remote_mta = outcome.remote_mta;
  entry.diagnostic = outcome.diagnostic;
  entry.last_attempt = context_.now();
  entry.is_uncertain = outcome.is_partly_done;
  auto kind = outcome.kind;
  if (kind == OutcomeKind::Bounce && context_.peers.config()->soft_bounce) {
    kind = OutcomeKind::Retry;
    if (entry.status.starts_with('5')) entry.status[0] = '4';
  }
  is_repeatable_ = is_repeatable_ && outcome.is_repeatable;
  const auto notify = entry.recipient.notify;
  std::string_view status = "sent";
  switch (kind) {
    case OutcomeKind::Delivered: {
      bool is_final =
          group.route.transport == Transport::Lmtp && context_.peers.config()->lmtp_assume_final;
      bool is_relayed =
          (is_sent(group.route.transport) && !is_final) || is_relayed_by_program(group);
      entry.state = RecipientState::Done;
      if (wants_report(notify, notify_success) && !outcome.is_dsn_relayed) {
        entry.report = is_relayed ? ReportDue::Relayed : ReportDue::Delivered;
      }
      break;
    }
    case OutcomeKind::Discarded:
      entry.state = RecipientState::Done;
      break;
    case OutcomeKind::Bounce:
      status = "bounced";
      entry.state = RecipientState::Done;
      entry.report = is_failure_told(*context_.peers.config(),
                                     message_->plain_sender_of(entry.recipient), notify)
                         ? ReportDue::Failed
                         : ReportDue::None;
      break;
    case OutcomeKind::Retry:
      status = "deferred";
      was_deferred_ = true;
      break;
    case OutcomeKind::Expand:
      break;
  }
  log(group, entry, outcome, status);
  if (group.route.transport == Transport::Local) {
    auto note = context_.full_mailbox_notes.note(group.route.account.name, entry.status);
    if (note) context_.peers.port("lookup").post(*note);
  }
  if (kind != OutcomeKind::Retry && kind != OutcomeKind::Bounce) {
    apply_additions(group, entry, outcome);
  }
}

/// Adds the recipients and replies that a delivery asks for.
void ActiveMessage::apply_additions(const Group& group, const RecipientRecord& entry,
                                    const Outcome& outcome) {
  auto children = children_of_delivery(entry.recipient, group.route.account, outcome.children);
  if (outcome.kind == OutcomeKind::Expand && children.empty()) {
    was_deferred_ = true;  // no recipient is left: tried again later
    return;
  }
  auto config = context_.peers.config();
  for (const auto& reply : outcome.replies) {
    const auto& sender = message_->plain_sender_of(entry.recipient);
    new_messages_.push_back(reply_message(reply, message_->envelope(), entry.recipient, sender,
                                          *config, context_.clock));
  }
  if (outcome.kind == OutcomeKind::Expand) {
    expand(outcome.recipient, std::move(children));
  } else if (!children.empty()) {
    redirect(outcome.recipient, std::move(children));
  }
}

void ActiveMessage::log(const Group& group, const RecipientRecord& entry, const Outcome& outcome,
                        std::string_view status) const {
  Microseconds arrival(message_->envelope().arrival);
  LogDelivery line;
  bool is_virtual = group.route.name == "virtual";
  std::string component = is_virtual ? group.route.name : transport_name(group.route.transport);
  line.component = component;
  line.process = group.process;
  line.queue_id = id_.value();
  line.recipient = entry.recipient.served_address();
  if (context_.peers.config()->enable_original_recipient) line.original = entry.recipient.original;
  line.relay = entry.relay;
  line.delays = {since_ - arrival, group.begun - since_,
                 Microseconds(outcome.connected_microseconds),
                 Microseconds(outcome.transmitted_microseconds)};
  line.dsn = entry.status;
  line.status = status;
  line.reason = entry.reason;
  log_delivery(line);
}

}  // namespace pennypost::smtp
