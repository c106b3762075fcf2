// Delivers one group of an active message's recipients: waits for its destination, hands the
// message to `send` or to a deliver process, and applies the answer.
#include "smtpd/scheduler/active_message.h"

#include <algorithm>
#include <array>

#include "common/base/words.h"
#include "common/log/log.h"
#include "common/mail/header.h"
#include "common/process/control.h"
#include "smtpd/routing/sts_question.h"
#include "smtpd/scheduler/outcomes.h"
#include "smtpd/scheduler/outgoing.h"
#include "smtpd/scheduler/sealing.h"

namespace pennypost::smtp {

Task<> ActiveMessage::deliver(Group group) {
  if (auto outcome = outcome_without_attempt(group)) {
    group.begun = context_.clock.now();
    apply_to_all(group, *std::move(outcome));
    --groups_left_;
    co_return;
  }
  Gates gates = context_.destinations.of(group, *context_.peers.config());
  std::array<std::optional<Destination::Lease>, Gates::most> leases;
  bool may_begin = true;
  Duration longest_line{0};
  for (std::size_t i = 0; may_begin && i < gates.size(); ++i) {
    longest_line = std::max(longest_line, gates.at(i).line());
    auto lease = co_await gates.at(i).take(context_.now());
    may_begin = lease.has_value();
    if (may_begin) leases[i].emplace(*std::move(lease));
  }
  Destination& to = gates.destination();
  if (may_begin) {
    co_await attempt(group, to);
  } else if (to.is_dead(context_.now())) {
    group.begun = context_.clock.now();
    apply_to_all(group,
                 deferred_outcome("4.4.1", "delivery temporarily suspended: " + to.reason()));
  } else {
    come_back_after(longest_line);
  }
  --groups_left_;
  // The outcomes of the last group are recorded by settle(), in its own commit.
  if (may_begin && groups_left_ > 0) co_await record();
}

/// The destination's line is full: the message waits elsewhere for a part of the time that the line
/// takes, so that mail for a slow destination is not looked at in vain again and again.
void ActiveMessage::come_back_after(Duration line) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(line).count() / 2;
  auto longest = std::max(busy_seconds, context_.peers.config()->minimal_backoff_time.count());
  seconds = std::clamp<std::int64_t>(seconds, busy_seconds, longest);
  busy_ = busy_ == 0 ? seconds : std::min(busy_, seconds);
}

/// The outcome of a group that needs no delivery process.
std::optional<Outcome> ActiveMessage::outcome_without_attempt(const Group& group) const {
  if (!is_flushed_ && is_put_off(group)) return deferred_outcome("4.3.2", "deferred transport");
  return outcome_of_route(group.route);
}

/// Whether the group's transport is in defer_transports. An error found by expansion has no
/// transport.
bool ActiveMessage::is_put_off(const Group& group) const {
  const Route& route = group.route;
  bool is_unnamed_error = route.transport == Transport::Error && route.name.empty();
  auto config = context_.peers.config();
  if (is_unnamed_error || config->defer_transports.empty()) return false;
  return holds(config->defer_transports, settings_name(route));
}

/// Leaves the recipients unchanged if no attempt can be made now.
Task<> ActiveMessage::attempt(Group& group, Destination& to) {
  while (!context_.queue.committer().is_writable() && !context_.is_draining()) {
    co_await context_.changed.wait();
  }
  if (context_.is_draining() || asked_.is_to_be_removed) co_return;
  group.begun = context_.clock.now();
  auto answer = co_await send(group);
  if (!answer) {
    apply_failure(group, answer.error());
    co_return;
  }
  group.process = answer->process;
  apply_answer(group, answer->outcomes);
  if (is_connection_failure(answer->outcomes)) {
    to.failed(answer->outcomes.front().reason,
              context_.now() + context_.peers.config()->minimal_backoff_time.count());
  } else {
    to.succeeded();
  }
}

/// Sends the group to its delivery process. Error: the body can't be read, or the process did not
/// answer.
Task<Result<Attempt::Outcomes>> ActiveMessage::send(Group& group) {
  Attempt request = request_for(group);
  std::vector<Descriptor> beside;
  if (body_) {
    request.body = body_->text();
  } else {
    CO_TRY(auto body, co_await context_.queue.body(message_->envelope()));
    request.body = std::move(body.bytes);
    if (body.file) beside.push_back(std::move(body.file));
  }
  const Descriptor none;
  auto changing = change(request, beside.empty() ? none : beside.front());
  CO_TRY_DO(co_await std::move(changing));
  std::optional<std::string> domain;
  if (!request.envelope.forgoes_tls()) {
    domain = sts_domain(request.route, *context_.peers.config());
  }
  if (domain) {
    FindStsPolicy ask;
    ask.domain = *std::move(domain);
    auto asking = context_.peers.port("lookup").call(std::move(ask));
    CO_TRY(request.route.sts, co_await std::move(asking));
  }
  std::string kind = "send";
  if (!is_sent(group.route.transport)) {
    CO_TRY(kind, co_await context_.deliver_processes.kind_for(group));
  }
  group.was_sent = true;
  LocalSockets::Permit permit(context_.local_sockets, group.route);
  auto call = context_.peers.port(kind).call(std::move(request), std::move(beside));
  co_return co_await std::move(call);
}

/// Makes of the request what goes out: the changes of settings, then signatures. `body`: its file.
Task<Result<void>> ActiveMessage::change(Attempt& request, const Descriptor& body) {
  auto config = context_.peers.config();
  bool is_changed = changes_outgoing(*config, request.route.transport);
  if (is_changed) {
    auto& lookup = context_.peers.port("lookup");
    auto changing = change_outgoing(context_.loop, lookup, config, request, body);
    CO_TRY_DO(co_await std::move(changing));
  }
  const auto& rule = context_.signing_rules.of(config);
  bool is_ours = rule.applies(request.envelope, request.route.transport);
  bool is_sealed = rule.seals(request.envelope, request.route.transport);
  if (!is_ours && !is_sealed) co_return Result<void>();
  auto signing = sign(request, body, is_changed);
  co_return co_await std::move(signing);
}

/// Puts a signature on our mail, a seal on a stranger's. What goes out unchanged is signed once for
/// all destinations.
Task<Result<void>> ActiveMessage::sign(Attempt& request, const Descriptor& body, bool is_changed) {
  std::optional<std::string> made;
  if (!is_changed) made = signature_;
  if (!made) {
    auto config = context_.peers.config();
    auto& lookup = context_.peers.port("lookup");
    auto marking = context_.signing_rules.of(config).seals(request.envelope, Transport::Smtp)
                       ? seal_fields(context_.loop, lookup, *config, request, body, context_.now())
                       : signature_fields(context_.loop, lookup, request, body, context_.now());
    CO_TRY(made, co_await std::move(marking));
    if (!is_changed) signature_ = made;
  }
  if (made->empty()) co_return Result<void>();
  Piece fields;
  fields.text = *std::move(made);
  request.envelope.pieces.insert(request.envelope.pieces.begin(), std::move(fields));
  co_return Result<void>();
}

/// The request, without the body.
Attempt ActiveMessage::request_for(const Group& group) const {
  Attempt request;
  request.envelope = message_->envelope();
  request.envelope.sender = group.sender;
  request.route = group.route;
  if (is_sent(group.route.transport) && !group.via.empty()) {
    Piece mark;
    mark.text = make_field("Delivered-To", group.via, "\n");
    request.envelope.pieces.insert(request.envelope.pieces.begin(), std::move(mark));
  }
  bool names_original = context_.peers.config()->enable_original_recipient;
  for (auto number : group.recipients) {
    const auto& entry = message_->recipient(number);
    if (entry.recipient.has_own_sender) {
      // RFC 3461 section 5.2.7.1: the sender's DSN requests are not passed on to a list's members.
      request.envelope.envid.clear();
      request.envelope.ret = Ret::Unset;
    }
    request.envelope.recipients.push_back(entry.recipient);
    Recipient& last = request.envelope.recipients.back();
    if (!names_original) last.forget_original();
    request.is_repeat = request.is_repeat || entry.is_uncertain;
  }
  return request;
}

void ActiveMessage::apply_failure(Group& group, const Error& error) {
  if (error.code() == damaged) {
    log_error("qmgr",
              error.text() + ": put on hold; postsuper -H tries it again, postsuper -d removes it");
    asked_.is_to_be_held = true;
    return;
  }
  bool is_busy = context_.is_draining() || error.code() == control::all_busy;
  if (!group.was_sent && is_busy) return;
  apply_to_all(group, outcome_of(error, OutcomeKind::Retry));
  for (auto number : group.recipients) message_->change(number).is_uncertain |= group.was_sent;
}

}  // namespace pennypost::smtp
