#include "smtpd/inbound/header_filter.h"

#include "smtpd/policy/header_checks.h"

namespace pennypost::smtp {

Task<FilterAnswer> HeaderFilter::header(FilteredMessage& message) {
  auto header = message.header();
  CheckHeader ask;
  ask.service = service_;
  ask.header = header;
  auto asking = backend_.check_header(std::move(ask));
  auto findings = co_await std::move(asking);
  if (!findings && findings.error().is_temporary()) {
    co_return FilterAnswer(Reply(451, "4.3.0", "Error: temporary lookup failure"));
  }
  if (!findings) co_return FilterAnswer(Reply(findings.error()));
  auto verdict = carry_out(*findings, header, message.log_line());
  if (!verdict) co_return FilterAnswer(Reply(verdict.error()));
  if (verdict->refusal) co_return FilterAnswer(Reply(*verdict->refusal));
  if (verdict->is_discarded) co_return FilterAnswer(FilterAnswer::Kind::Discard);
  if (verdict->is_held) message.hold();
  if (verdict->redirect) message.redirect(*std::move(verdict->redirect));
  message.edit_header(verdict->edits);
  co_return FilterAnswer();
}

}  // namespace pennypost::smtp
