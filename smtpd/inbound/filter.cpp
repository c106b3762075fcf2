#include "smtpd/inbound/filter.h"

#include <algorithm>

#include "common/base/text.h"
#include "smtpd/routing/blind_copies.h"

namespace pennypost::smtp {

LogTransaction FilteredMessage::log_line() const {
  LogTransaction line = parts_.origin;
  line.queue_id = parts_.id.value();
  line.has_sender = true;
  line.sender = parts_.sender;
  line.has_recipient = !parts_.recipients.empty();
  if (line.has_recipient) line.recipient = parts_.recipients.back().address;
  return line;
}

void FilteredMessage::edit_header(const std::vector<Edit>& edits) {
  parts_.header.edit_whole(edits);
  for (const auto& edit : edits) has_8bit_edits_ = has_8bit_edits_ || !is_ascii(edit.insert);
}

void FilteredMessage::edit_body(const std::vector<Edit>& edits, std::uint64_t line_ends) {
  parts_.header.edit_body(edits, line_ends);
  for (const auto& edit : edits) has_8bit_edits_ = has_8bit_edits_ || !is_ascii(edit.insert);
}

void FilteredMessage::add_recipient(std::string address) {
  smtp::add_recipient(parts_.recipients, std::move(address));
}

void FilteredMessage::add_copy(std::string address, std::uint8_t notify) {
  Recipient* added = smtp::add_recipient(parts_.recipients, std::move(address));
  if (added != nullptr) added->notify = notify;
}

void FilteredMessage::remove_recipient(std::string_view address) {
  std::erase_if(parts_.recipients, [&](const Recipient& one) {
    return one.address == address || one.original == address;
  });
}

void FilteredMessage::redirect(std::string address) {
  redirect_all(parts_.recipients, std::move(address));
}

Task<> FilteredMessage::begin_body() {
  co_await parts_.content.begin_anew();
  parts_.header.forget_body();
  const std::string& header = parts_.content.tail();
  new_line_ends_ = static_cast<std::uint64_t>(std::ranges::count(header, '\n'));
  new_bytes_ = header.size();
}

Task<> FilteredMessage::replace_body(std::string_view piece) {
  if (!new_line_ends_) co_await begin_body();
  *new_line_ends_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
  new_bytes_ += piece.size();
  has_8bit_edits_ = has_8bit_edits_ || !is_ascii(piece);
  is_too_large_ = !parts_.message_bytes_max.allows(new_bytes_ + *new_line_ends_);
  if (is_too_large_) co_return;
  parts_.content.tail() += piece;
  co_await parts_.content.settle();
}

// By default a filter lets everything pass.

Task<FilterAnswer> Filter::connect(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::helo(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::mail(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::rcpt(const CheckRecipient&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::header(FilteredMessage&) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::body(std::string_view) { co_return FilterAnswer(); }
Task<FilterAnswer> Filter::end(FilteredMessage&) { co_return FilterAnswer(); }

void FilterChain::add(std::unique_ptr<Filter> filter) {
  steps_ |= filter->steps();
  filters_.push_back(std::move(filter));
}

bool FilterChain::want_message() const {
  return std::ranges::any_of(filters_, [](const auto& one) { return one->wants_message(); });
}

/// `ask` calls one filter. It is a parameter, so its captures live as long as this frame.
template <class Ask>
Task<FilterAnswer> FilterChain::ask(Filter::Step step, Ask ask) {
  for (auto& filter : filters_) {
    bool is_asked =
        step == Filter::Message ? filter->wants_message() : (filter->steps() & step) != 0;
    if (!is_asked) continue;
    auto question = ask(*filter);
    FilterAnswer answer = co_await std::move(question);
    if (answer.kind() != FilterAnswer::Kind::Continue) co_return std::move(answer);
  }
  co_return FilterAnswer();
}

Task<FilterAnswer> FilterChain::connect(const CheckRecipient& about) {
  return ask(Filter::Connect, [&about](Filter& filter) { return filter.connect(about); });
}
Task<FilterAnswer> FilterChain::helo(const CheckRecipient& about) {
  return ask(Filter::Helo, [&about](Filter& filter) { return filter.helo(about); });
}
Task<FilterAnswer> FilterChain::mail(const CheckRecipient& about) {
  return ask(Filter::Mail, [&about](Filter& filter) { return filter.mail(about); });
}
Task<FilterAnswer> FilterChain::rcpt(const CheckRecipient& about) {
  return ask(Filter::Rcpt, [&about](Filter& filter) { return filter.rcpt(about); });
}
Task<FilterAnswer> FilterChain::header(FilteredMessage& message) {
  return ask(Filter::Message, [&message](Filter& filter) { return filter.header(message); });
}
Task<FilterAnswer> FilterChain::body(std::string_view piece) {
  return ask(Filter::Message, [piece](Filter& filter) { return filter.body(piece); });
}
Task<FilterAnswer> FilterChain::end(FilteredMessage& message) {
  return ask(Filter::Message, [&message](Filter& filter) { return filter.end(message); });
}

void FilterChain::abort() {
  for (auto& filter : filters_) filter->abort();
}

}  // namespace pennypost::smtp
