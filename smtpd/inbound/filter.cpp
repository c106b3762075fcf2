#include "smtpd/inbound/filter.h"

namespace pennypost::smtp {

// What a filter does not care for, it lets pass.

Task<FilterAnswer> Filter::connect(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::helo(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::mail(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::rcpt(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::content(std::string_view) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::header(std::string_view, FilterEdits&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::end(FilterEdits&) { co_return FilterAnswer(); }

/// `ask` gives the task of one filter. It is kept in this frame, so its captures live long enough.
template <class Ask>
Task<FilterAnswer> FilterChain::ask(Ask ask) {
  for (auto& filter : filters_) {
    auto question = ask(*filter);
    FilterAnswer answer = co_await std::move(question);
    if (answer.kind() != FilterAnswer::Kind::Continue) co_return std::move(answer);
  }
  co_return FilterAnswer();
}

Task<FilterAnswer> FilterChain::connect(const CheckRecipient& about) {
  return ask([&about](Filter& filter) { return filter.connect(about); });
}
Task<FilterAnswer> FilterChain::helo(const CheckRecipient& about) {
  return ask([&about](Filter& filter) { return filter.helo(about); });
}
Task<FilterAnswer> FilterChain::mail(const CheckRecipient& about) {
  return ask([&about](Filter& filter) { return filter.mail(about); });
}
Task<FilterAnswer> FilterChain::rcpt(const CheckRecipient& about) {
  return ask([&about](Filter& filter) { return filter.rcpt(about); });
}
Task<FilterAnswer> FilterChain::content(std::string_view piece) {
  return ask([piece](Filter& filter) { return filter.content(piece); });
}
Task<FilterAnswer> FilterChain::header(std::string_view header, FilterEdits& edits) {
  return ask([header, &edits](Filter& filter) { return filter.header(header, edits); });
}
Task<FilterAnswer> FilterChain::end(FilterEdits& edits) {
  return ask([&edits](Filter& filter) { return filter.end(edits); });
}

void FilterChain::abort() {
  for (auto& filter : filters_) filter->abort();
}

}  // namespace pennypost::smtp
