#include "store/indexing/word_job.h"

#include <utility>

namespace pennypost::store {
namespace {

// What a step reads of messages.
constexpr std::uint64_t octets_per_step = 1 << 20;
// An index that has got so many messages at once is written anew, smaller.
constexpr std::size_t many_messages = 2'000;

}  // namespace

WordJob::WordJob(std::unique_ptr<MailStore> store, Settings settings)
    : store_(std::move(store)), settings_(std::move(settings)) {}

void WordJob::begin(std::optional<MailboxName> name, IfNone if_none) {
  close_mailbox();
  name_ = std::move(name);
  if_none_ = if_none;
  may_begin_anew_ = true;
}

WordJob::Next WordJob::step() {
  failure_.reset();
  auto more = go_on();
  if (more) return *more ? Next::Step : Next::End;
  failure_ = std::move(more).error();
  if (is_in_use(*failure_)) return Next::Retry;
  let_go();
  if (failure_->response_code() != ResponseCode::Corruption) return Next::End;
  discard_words(settings_.directory);
  return std::exchange(may_begin_anew_, false) ? Next::Step : Next::End;
}

Result<bool> WordJob::go_on() {
  if (name_ && is_others_mailbox(*store_, *name_)) return false;
  // Somebody may have removed the index since the mailbox before.
  bool has_begun = indexer_ || sweep_;
  bool is_there = has_begun || has_words(settings_.directory);
  if (!is_there) writer_.reset();
  if (!writer_) {
    if (!is_there && if_none_ == IfNone::Leave) return false;
    TRY(writer_, WordWriter::open(settings_.directory));
  }
  if (!name_) return sweep();
  if (!indexer_) {
    TRY(mailbox_, store_->open(*name_, Access::ReadOnly));
    indexer_.emplace(*mailbox_, *writer_, settings_.octets_max, settings_.decoder);
  }
  TRY(auto more, indexer_->run(octets_per_step));
  if (!more) close_mailbox();
  return more;
}

Result<bool> WordJob::sweep() {
  if (!sweep_) sweep_.emplace(*store_, *writer_);
  TRY(auto more, sweep_->step());
  if (!more) sweep_.reset();
  return more;
}

void WordJob::close_mailbox() {
  if (indexer_) put_in_ += indexer_->done();
  indexer_.reset();
  sweep_.reset();
  mailbox_.reset();
}

void WordJob::let_go() {
  close_mailbox();
  writer_.reset();
}

Result<void> WordJob::finish() {
  let_go();
  if (std::exchange(put_in_, 0) < many_messages) return {};
  auto done = optimize_words(settings_.directory);
  return !done && is_in_use(done.error()) ? Result<void>() : done;
}

}  // namespace pennypost::store
