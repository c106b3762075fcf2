#include "smtpd/inbound/content_checks_filter.h"

namespace pennypost::smtp {

ContentChecksFilter::ContentChecksFilter(Backend& backend, std::string_view service,
                                         const Settings& settings)
    : inspection_([&backend](CheckContent ask) { return backend.check_content(std::move(ask)); },
                  service, settings) {}

Task<FilterAnswer> ContentChecksFilter::header(FilteredMessage& message) {
  message_ = &message;
  inspection_.begin(message.header(), message.body_offset());
  return check();
}

Task<FilterAnswer> ContentChecksFilter::body(std::string_view piece) {
  if (!inspection_.feed(piece)) co_return FilterAnswer();
  co_return co_await check();
}

Task<FilterAnswer> ContentChecksFilter::end(FilteredMessage&) {
  inspection_.finish();
  return check();
}

Task<FilterAnswer> ContentChecksFilter::check() {
  auto checking = inspection_.check(message_->log_line());
  auto verdict = co_await std::move(checking);
  if (!verdict && verdict.error().is_temporary()) {
    co_return FilterAnswer(Reply(451, "4.3.0", "Error: temporary lookup failure"));
  }
  if (!verdict) co_return FilterAnswer(Reply(verdict.error()));
  if (verdict->refusal) co_return FilterAnswer(Reply(*verdict->refusal));
  if (verdict->is_discarded) co_return FilterAnswer(FilterAnswer::Kind::Discard);
  if (verdict->is_held) message_->hold();
  for (auto& address : verdict->bcc) message_->add_recipient(std::move(address));
  if (verdict->redirect) message_->redirect(*std::move(verdict->redirect));
  if (verdict->filter) message_->set_filter(*std::move(verdict->filter));
  message_->edit_header(verdict->header_edits);
  message_->edit_body(verdict->body_edits, verdict->line_ends);
  co_return FilterAnswer();
}

}  // namespace pennypost::smtp
