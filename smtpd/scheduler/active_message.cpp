#include "smtpd/scheduler/active_message.h"

#include <algorithm>
#include <utility>

#include "common/async/nursery.h"
#include "common/log/log.h"

namespace pennypost::smtp {

void AskedMeanwhile::add(AdminRequest request) {
  if (request == AdminRequest::Remove) is_to_be_removed = true;
  if (request == AdminRequest::Requeue) is_to_be_requeued = true;
  if (request == AdminRequest::Hold) is_to_be_held = true;
  if (request == AdminRequest::Release) is_to_be_held = false;
  if (request == AdminRequest::Expire) is_to_expire = true;
  if (request == AdminRequest::ExpireAndRelease) {
    is_to_expire = true;
    is_to_be_held = false;
  }
  last = request;
}

ActiveMessage::ActiveMessage(const ActiveContext& context, QueueId id, WaitingMessage waiting,
                             AskedMeanwhile& asked)
    : context_(context),
      asked_(asked),
      id_(std::move(id)),
      since_(context.clock.now()),
      recipients_(waiting.recipients),
      due_(waiting.due),
      is_uncertain_(waiting.is_uncertain),
      is_flushed_(waiting.is_flushed) {
  if (!waiting.kept) return;
  message_ = std::move(waiting.kept->message);
  client_ = std::move(waiting.kept->client);
  if (waiting.kept->body) body_.emplace(*std::move(waiting.kept->body));
}

Task<std::optional<WaitingMessage>> ActiveMessage::process() {
  std::optional<WaitingMessage> waits;
  auto is_there = co_await load();
  if (!is_there) waits = unreadable(is_there.error());
  if (!is_there || !*is_there) co_return std::move(waits);
  if (message_->record().is_to_expire) {
    expire();
  } else {
    co_await attempt_all();
  }
  body_.reset();
  auto settling = settle();
  co_return co_await std::move(settling);
}

/// False: there is no such message any more. Error: it can't be read.
Task<Result<bool>> ActiveMessage::load() {
  if (!message_) {
    CO_TRY(auto loaded, co_await context_.queue.load(id_));
    if (!loaded) co_return false;
    message_ = std::make_unique<QueuedMessage>(*std::move(loaded));
  }
  if (is_uncertain_) message_->mark_uncertain();
  log_active(id_.value(), message_->envelope().sender, message_->envelope().octets(),
             message_->pending_count());
  co_return true;
}

/// How an unreadable message waits: on hold if it is damaged, otherwise until it is tried again
/// soon.
WaitingMessage ActiveMessage::unreadable(const Error& error) {
  bool is_damaged = error.code() == damaged;
  log_error("qmgr",
            error.text() +
                (is_damaged ? ": put on hold; postsuper -H tries it again, postsuper -d removes it"
                            : ""));
  WaitingMessage waiting;
  waiting.recipients = recipients_;
  waiting.is_held = is_damaged;
  waiting.due = context_.now() + context_.peers.config()->minimal_backoff_time.count();
  return waiting;
}

/// Defers the pending recipients without an attempt; settle() then gives them up. The report states
/// why they were deferred before, if they were.
void ActiveMessage::expire() {
  was_deferred_ = true;
  for (auto number : message_->pending()) {
    if (!message_->recipient(number).reason.empty()) continue;
    RecipientRecord& entry = message_->change(number);
    entry.status = "4.7.0";
    entry.reason = "message is administratively expired";
    entry.relay = "none";
  }
}

/// Makes one attempt for every pending recipient, including those added by expansion meanwhile;
/// expansions are committed before the added recipients are attempted.
Task<> ActiveMessage::attempt_all() {
  for (bool is_first = true;; is_first = false) {
    std::vector<std::uint32_t> numbers = message_->pending();
    std::erase_if(numbers, [&](auto number) { return tried_.contains(number); });
    if (numbers.empty() || context_.is_draining() || asked_.is_to_be_removed) co_return;
    if (!is_first) co_await record();
    auto groups = co_await resolve(numbers);
    groups_left_ = groups.size();
    Nursery deliveries(context_.loop);
    for (auto& group : groups) deliveries.start(deliver(std::move(group)));
    co_await deliveries.join();
  }
}

/// Commits the changes so far.
Task<> ActiveMessage::record() {
  Changes changes;
  message_->save(changes);
  auto work = commit(std::move(changes), false);
  co_await std::move(work);
}

/// Commits the changes, and the new messages with them.
Task<> ActiveMessage::commit(Changes changes, bool can_wait) {
  auto taken = std::exchange(new_messages_, {});
  for (const auto& one : taken) put_new(changes, one.envelope, one.body);
  auto work = context_.queue.record(std::move(changes), can_wait && taken.empty());
  co_await std::move(work);
  for (auto& one : taken) {
    if (one.kind.empty()) {
      log_info("local", id_.value() + ": automatic reply: " + one.envelope.id.value());
    } else {
      log_notification(id_.value(), one.reader, one.kind, one.envelope.id.value());
    }
    context_.take_in(std::move(one));
  }
}

}  // namespace pennypost::smtp
