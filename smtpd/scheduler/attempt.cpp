// A group of recipients with one route in, what came of the attempt out: in the message and in the
// log.
#include "smtpd/scheduler/active.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/header.h"
#include "common/mail/status.h"
#include "common/process/control.h"
#include "smtpd/queue/check_envelope.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {
namespace {

constexpr int deliver_tries_max = 5;
constexpr Duration deliver_pause_first{20};

/// Whether an attempt failed because of the host, not because of the message (RFC 3463 section
/// 3.5: network and routing status).
bool is_connection_failure(const std::vector<Outcome>& outcomes) {
  return !outcomes.empty() && std::ranges::all_of(outcomes, [](const Outcome& outcome) {
    return outcome.kind == OutcomeKind::Retry && outcome.status.starts_with("4.4.");
  });
}

/// What nobody gets: the transport discard, and `nobody: /dev/null` in alias_maps. No process is
/// needed for it.
std::optional<Outcome> outcome_of_discarding(const Route& route) {
  bool is_null_file = route.transport == Transport::File && route.next_hop == "/dev/null";
  if (!is_null_file && route.transport != Transport::Discard) return {};
  Outcome outcome;
  outcome.kind = OutcomeKind::Delivered;
  outcome.status = "2.0.0";
  outcome.reason = is_null_file ? "delivered to file: /dev/null" : route.next_hop;
  outcome.relay = is_null_file ? "local" : "none";
  outcome.is_repeatable = true;
  return outcome;
}

/// What the transport `error` or `retry` says, or what expansion found wrong.
std::optional<Outcome> outcome_of_error(const Route& route) {
  if (route.transport != Transport::Error) return {};
  Outcome outcome;
  outcome.kind = route.status.starts_with('4') ? OutcomeKind::Retry : OutcomeKind::Bounce;
  outcome.status = route.status.empty() ? "5.3.0" : route.status;
  outcome.reason = route.next_hop;
  outcome.relay = "none";
  return outcome;
}

Outcome put_off(std::string status, std::string reason) {
  Outcome outcome;
  outcome.status = std::move(status);
  outcome.reason = std::move(reason);
  outcome.relay = "none";
  return outcome;
}

/// A deliver process runs in its user's hands: it may name addresses, and commands and files that
/// are run and written as that user, nothing else.
std::vector<Recipient> children_of_delivery(const Recipient& parent, const AccountRef& account,
                                            const std::vector<Recipient>& named) {
  std::vector<Recipient> children;
  for (const auto& one : named) {
    bool is_address = one.kind == RecipientKind::Address;
    bool is_text = one.address.size() <= envelope_text_bytes_max &&
                   std::ranges::none_of(one.address, [](char c) { return is_control(c); });
    if (one.address.empty() || !is_text || (!is_address && !account.is_system)) continue;
    Recipient child = parent;
    child.number = 0;
    child.kind = one.kind;
    child.address = one.address;
    child.is_self = is_address && one.is_self;
    child.is_virtual_self = false;
    child.run_as = is_address ? std::string() : account.name;
    child.via = parent.kind == RecipientKind::Address ? parent.address : parent.via;
    children.push_back(std::move(child));
  }
  return children;
}

}  // namespace

std::string transport_name(Transport transport) {
  switch (transport) {
    case Transport::Smtp:
      return "smtp";
    case Transport::Error:
      return "error";
    case Transport::Discard:
      return "discard";
    default:
      return "local";
  }
}

Outcome outcome_from(const Error& error, OutcomeKind kind) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.relay = "none";
  std::string_view text = error.text();
  auto status = EnhancedStatus::take(text);
  outcome.status = status ? status->text() : kind == OutcomeKind::Bounce ? "5.3.0" : "4.3.0";
  outcome.reason = text;
  return outcome;
}

Task<> Scheduler::deliver(Active& active, Group group) {
  if (auto outcome = outcome_without_attempt(active, group)) {
    group.begun = clock_.now();
    apply_to_all(active, group, *std::move(outcome));
    --active.groups_left;
    co_return;
  }
  Destination& to = destination(group);
  auto lease = co_await to.take(now());
  if (lease) {
    co_await attempt(active, group, to);
  } else if (to.is_dead(now())) {
    group.begun = clock_.now();
    apply_to_all(active, group, put_off("4.4.1", "delivery temporarily suspended: " + to.reason()));
  } else {
    active.was_refused = true;
  }
  --active.groups_left;
  // The last one's outcome is recorded by settle(), with all that follows from it.
  if (lease && active.groups_left > 0) co_await record(active);
}

/// What is known without a delivery process.
std::optional<Outcome> Scheduler::outcome_without_attempt(const Active& active,
                                                          const Group& group) const {
  if (!active.is_flushed && is_put_off(group)) return put_off("4.3.2", "deferred transport");
  auto discarded = outcome_of_discarding(group.route);
  return discarded ? discarded : outcome_of_error(group.route);
}

/// Whether its transport stands in defer_transports. What expansion found wrong is of none.
bool Scheduler::is_put_off(const Group& group) const {
  const Route& route = group.route;
  bool is_unnamed_error = route.transport == Transport::Error && route.name.empty();
  auto config = peers_.config();
  if (is_unnamed_error || config->defer_transports.empty()) return false;
  std::string name = route.name.empty() ? transport_name(route.transport) : route.name;
  return std::ranges::any_of(config->defer_transports,
                             [&](const auto& item) { return equal_nocase(item, name); });
}

Task<> Scheduler::attempt(Active& active, Group& group, Destination& to) {
  while (!queue_.committer().is_writable() && !draining_) co_await changed_.wait();
  if (draining_ || active.is_to_be_removed) {
    active.was_refused = true;
    co_return;
  }
  group.begun = clock_.now();
  auto answer = co_await ask(active, group);
  if (!answer && answer.error().code() == damaged) {
    log_error("qmgr", answer.error().text() + ": on hold until postsuper -d or -H");
    active.is_to_be_held = true;
    co_return;
  }
  if (!answer && !group.was_sent && (draining_ || answer.error().code() == control::all_busy)) {
    active.was_refused = true;
    co_return;
  }
  if (!answer) {
    apply_to_all(active, group, outcome_from(answer.error(), OutcomeKind::Retry));
    for (auto number : group.recipients) {
      active.message->change(number).is_uncertain |= group.was_sent;
    }
    co_return;
  }
  group.process = answer->process;
  std::set<std::uint32_t> open(group.recipients.begin(), group.recipients.end());
  for (const auto& outcome : answer->outcomes) {
    if (open.erase(outcome.recipient) == 1) apply(active, group, outcome);
  }
  for (auto number : open) {
    Outcome outcome;
    outcome.recipient = number;
    outcome.status = "4.3.0";
    outcome.reason = "the delivery process gave no outcome";
    outcome.relay = "none";
    apply(active, group, outcome);
    active.message->change(number).is_uncertain = true;
  }
  if (is_connection_failure(answer->outcomes)) {
    to.failed(answer->outcomes.front().reason,
              now() + peers_.config()->minimal_backoff_time.count());
  } else {
    to.succeeded();
  }
}

Task<Result<Attempt::Outcomes>> Scheduler::ask(Active& active, Group& group) {
  Attempt request;
  request.envelope = active.message->envelope();
  request.envelope.sender = group.sender;
  request.route = group.route;
  if (group.route.transport == Transport::Smtp && !group.via.empty()) {
    Piece mark;
    mark.text = make_field("Delivered-To", group.via, "\n");
    request.envelope.pieces.insert(request.envelope.pieces.begin(), std::move(mark));
  }
  for (auto number : group.recipients) {
    const auto& entry = active.message->recipient(number);
    if (entry.recipient.has_own_sender) {
      // RFC 3461 section 5.2.7.1: what the sender asked for does not go on to a list's members.
      request.envelope.envid.clear();
      request.envelope.ret = Ret::Unset;
    }
    request.envelope.recipients.push_back(entry.recipient);
    request.is_repeat = request.is_repeat || entry.is_uncertain;
  }
  std::vector<Descriptor> beside;
  if (active.body) {
    request.body = *active.body;
  } else {
    CO_TRY(auto body, co_await queue_.body(active.message->envelope()));
    request.body = std::move(body.bytes);
    if (body.file) beside.push_back(std::move(body.file));
  }
  std::string kind = "send";
  if (group.route.transport != Transport::Smtp) {
    CO_TRY(kind, co_await deliver_port(group));
  }
  group.was_sent = true;
  auto call = peers_.port(kind).call(std::move(request), std::move(beside));
  co_return co_await std::move(call);
}

/// Which process delivers for this account; the master starts it where there is none, or where the
/// one that was there is about to leave.
Task<Result<std::string>> Scheduler::deliver_port(const Group& group) {
  NeedDeliver request;
  const auto& account = group.route.account;
  request.account = account.name.empty() ? group.run_as : account.name;
  request.is_system = account.name.empty() ? !group.run_as.empty() : account.is_system;
  // Own users share one process.
  bool is_own = !request.is_system && !request.account.empty();
  std::string key = is_own ? "own" : "system:" + request.account;
  Duration pause = deliver_pause_first;
  for (int tries = 0;; ++tries) {
    auto known = deliver_kinds_.find(key);
    bool is_there = known != deliver_kinds_.end() && peers_.port(known->second).has_peer();
    // A process that can't even be linked is told of by the call's own error.
    if (is_there || (known != deliver_kinds_.end() && tries == deliver_tries_max)) {
      co_return known->second;
    }
    if (tries > 0) {
      // Only if it has died: the master may learn of that after us.
      co_await loop_.sleep(pause);
      pause *= 2;
    }
    auto call = peers_.port("master").call(request);
    CO_TRY(auto where, co_await std::move(call));
    deliver_kinds_[key] = where.kind;
  }
}

void Scheduler::apply_to_all(Active& active, const Group& group, Outcome outcome) {
  for (auto number : group.recipients) {
    outcome.recipient = number;
    apply(active, group, outcome);
  }
}

void Scheduler::apply(Active& active, const Group& group, const Outcome& outcome) {
  auto config = peers_.config();
  RecipientRecord& entry = active.message->change(outcome.recipient);
  entry.status = outcome.status;
  entry.reason = outcome.reason;
  entry.relay = outcome.relay;
  entry.remote_mta = outcome.remote_mta;
  entry.diagnostic = outcome.diagnostic;
  entry.last_attempt = now();
  entry.is_uncertain = false;
  auto kind = outcome.kind;
  if (kind == OutcomeKind::Bounce && config->soft_bounce) {
    kind = OutcomeKind::Retry;
    if (entry.status.starts_with('5')) entry.status[0] = '4';
  }
  active.is_repeatable = active.is_repeatable && outcome.is_repeatable;
  const auto notify = entry.recipient.notify;
  std::string_view status = "sent";
  switch (kind) {
    case OutcomeKind::Delivered: {
      bool is_relayed = group.route.transport == Transport::Smtp;
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
      entry.report = wants_report(notify, notify_failure) ? ReportDue::Failed : ReportDue::None;
      break;
    case OutcomeKind::Retry:
      status = "deferred";
      active.was_deferred = true;
      break;
    case OutcomeKind::Expand:
      break;
  }
  Microseconds arrival(active.message->envelope().arrival);
  LogDelivery line;
  std::string component = transport_name(group.route.transport);
  line.component = component;
  line.process = group.process;
  line.queue_id = active.id.value();
  line.recipient = entry.recipient.served_address();
  line.original = entry.recipient.original;
  line.relay = entry.relay;
  line.delays = {active.since - arrival, group.begun - active.since,
                 Microseconds(outcome.connected_microseconds),
                 Microseconds(outcome.transmitted_microseconds)};
  line.dsn = entry.status;
  line.status = status;
  line.reason = entry.reason;
  log_delivery(line);
  note_mailbox(group, entry);
  if (kind == OutcomeKind::Expand) {
    auto children = children_of_delivery(entry.recipient, group.route.account, outcome.children);
    active.was_deferred = active.was_deferred || children.empty();
    if (!children.empty()) expand(active, outcome.recipient, std::move(children));
  }
}

/// RFC 3463 section 3.3: X.2.2 is a full mailbox. RCPT refuses mail for it until there is room.
void Scheduler::note_mailbox(const Group& group, const RecipientRecord& entry) {
  if (group.route.transport != Transport::Local) return;
  NoteMailbox note;
  note.account = group.route.account.name;
  note.is_full = entry.status == "4.2.2" || entry.status == "5.2.2";
  if (note.is_full) {
    if (full_mailboxes_.size() < told_mailboxes_max) full_mailboxes_.insert(note.account);
  } else if (!entry.status.starts_with('2') || full_mailboxes_.erase(note.account) == 0) {
    return;  // nothing is known of its room, or nothing has changed
  }
  peers_.port("lookup").post(note);
}

Task<> Scheduler::record(Active& active) {
  Changes changes;
  active.message->save(changes);
  auto work = queue_.record(std::move(changes));
  co_await std::move(work);
}

}  // namespace pennypost::smtp
