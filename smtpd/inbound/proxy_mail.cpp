#include "smtpd/inbound/proxy_mail.h"

#include "common/log/log.h"

namespace pennypost::smtp {

ProxyMail::~ProxyMail() {
  if (client_ && !expects_content_) client_->part();
}

/// The filter's answer as ours. If it has none, it can't be used any more.
Task<Reply> ProxyMail::answer_of(Asking asking) {
  std::string problem;
  try {
    auto answer = co_await std::move(asking);
    if (answer && !answer->is_closing()) co_return reply_of_filter(answer->text());
    if (answer) {
      client_.reset();
      co_return reply_of_filter(answer->text());
    }
    // The address can't be sent to it; the session goes on.
    if (!answer.error().is_temporary()) co_return Reply(answer.error());
    problem = answer.error().text();
  } catch (const Disconnected& why) {
    problem = "lost connection while " + client_->stage() + ": " + why.text();
  }
  filter_->warn(component_, problem);
  client_.reset();
  co_return filter_is_unusable();
}

Task<Reply> ProxyMail::rcpt(Backend& backend, const Envelope& origin,
                            std::optional<std::uint64_t> octets, const Recipient& recipient) {
  if (!client_) {
    if (has_recipients_) co_return filter_is_unusable();
    auto opening = filter_->open(loop_, backend, component_);
    auto opened = co_await std::move(opening);
    if (!opened) co_return filter_is_unusable();
    client_ = *std::move(opened);
    is_smtputf8_ = origin.is_smtputf8;
    auto beginning = answer_of(client_->begin_mail(origin, octets));
    Reply begun = co_await std::move(beginning);
    if (begun.code() / 100 != 2) {
      if (client_) client_->part();
      client_.reset();
      co_return std::move(begun);
    }
  }
  auto asking = answer_of(client_->add_recipient(recipient, is_smtputf8_));
  Reply reply = co_await std::move(asking);
  has_recipients_ = has_recipients_ || reply.code() / 100 == 2;
  co_return std::move(reply);
}

Task<Reply> ProxyMail::data() {
  if (!client_) co_return filter_is_unusable();
  auto asking = answer_of(client_->begin_content());
  Reply reply = co_await std::move(asking);
  expects_content_ = reply.code() == 354;
  // A reply below 400 in the wrong place is not a success.
  if (!expects_content_ && !reply.is_error()) co_return filter_is_unusable();
  co_return std::move(reply);
}

Task<Reply> ProxyMail::message(const Envelope& envelope, std::string body, Descriptor file) {
  if (!expects_content_) {
    auto asking = data();
    Reply reply = co_await std::move(asking);
    if (!expects_content_) co_return std::move(reply);
  }
  MessageSource source(envelope, std::move(body), std::move(file));
  auto asking = answer_of(client_->send_content(source));
  Reply reply = co_await std::move(asking);
  expects_content_ = false;
  if (!reply.is_error() && reply.code() / 100 != 2) co_return filter_is_unusable();
  co_return std::move(reply);
}

}  // namespace pennypost::smtp
