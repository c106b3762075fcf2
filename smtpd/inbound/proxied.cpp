// Has smtpd_proxy_filter answer in our place. Members of Session.
//
// SEE ALSO   proxy_filter.h (the message as a whole), proxy_mail.h (command by command)
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

bool Session::asks_filter_early() const {
  const auto& filter = context_->proxy_filter();
  return filter != nullptr && filter->is_stepwise();
}

/// The filter's answer to RCPT. One that refuses the mail as a whole leaves nothing behind.
Task<Reply> Session::ask_proxy(const Recipient& recipient) {
  Transaction& transaction = *transaction_;
  if (!transaction.proxied) {
    transaction.proxied = std::make_unique<ProxyMail>(context_->loop(), context_->proxy_filter(),
                                                      std::string(context_->log_component()));
  }
  const Envelope from = origin();
  auto asking =
      transaction.proxied->rcpt(context_->backend(), from, transaction.mail.size, recipient);
  Reply reply = co_await std::move(asking);
  if (reply.is_error()) log_action("proxy-reject", reply.summary(), recipient.address);
  co_return std::move(reply);
}

/// The filter's refusal of DATA, which ends the mail; nothing if it waits for the content.
Task<std::optional<Reply>> Session::ask_proxy_for_data() {
  auto asking = transaction_->proxied->data();
  Reply reply = co_await std::move(asking);
  if (!reply.is_error()) co_return std::nullopt;
  log_action("proxy-reject", reply.summary(), std::nullopt);
  end_transaction();
  co_return std::move(reply);
}

/// The message never enters our queue here.
Task<Reply> Session::pass_to_filter(Submit message) {
  Descriptor file = transaction_->body->file();
  std::string body = transaction_->body->take_text();
  Reply reply = filter_is_unusable();
  if (transaction_->proxied) {
    auto passing =
        transaction_->proxied->message(message.envelope, std::move(body), std::move(file));
    reply = co_await std::move(passing);
  } else {
    auto passing =
        context_->proxy_filter()->pass(context_->loop(), context_->backend(), message.envelope,
                                       std::move(body), std::move(file), context_->log_component());
    reply = co_await std::move(passing);
  }
  log_action(reply.is_error() ? "proxy-reject" : "proxy-accept", reply.summary(), std::nullopt);
  end_transaction();
  if (!reply.is_error()) errors_.clear();
  co_return std::move(reply);
}

}  // namespace pennypost::smtp
