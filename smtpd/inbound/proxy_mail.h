// One message on its way through smtpd_proxy_filter, command by command.
//
// The filter is connected to at the first recipient, and hears MAIL then; if it refuses that, its
// answer is that recipient's. From then on it answers each RCPT, DATA and the message in our place.
// The message itself is taken here as a whole before the filter gets it: what we refuse never
// reaches it. A filter that is lost after it took a recipient makes all that follows a 451.
//
// SEE ALSO   proxy_filter.h, ../delivery/smtp_client.h
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "smtpd/inbound/proxy_filter.h"

namespace pennypost::smtp {

class ProxyMail {
 public:
  ProxyMail(Loop& loop, std::shared_ptr<const ProxyFilter> filter, std::string component)
      : loop_(loop), filter_(std::move(filter)), component_(std::move(component)) {}
  ProxyMail(const ProxyMail&) = delete;
  ProxyMail& operator=(const ProxyMail&) = delete;
  ~ProxyMail();

  /// The answer to a recipient. Before the first one, the filter hears of the mail: `origin` has
  /// the client and the sender; `octets` is the size that the client has named.
  Task<Reply> rcpt(Backend& backend, const Envelope& origin, std::optional<std::uint64_t> octets,
                   const Recipient& recipient);
  /// The answer to DATA: 354, or a refusal.
  Task<Reply> data();
  /// The answer to the message; data() is asked first where it has not been.
  Task<Reply> message(const Envelope& envelope, std::string body, Descriptor file);

 private:
  using Asking = Task<Result<SmtpReply>>;
  Task<Reply> answer_of(Asking asking);
  Loop& loop_;
  std::shared_ptr<const ProxyFilter> filter_;
  std::string component_;
  std::unique_ptr<SmtpClient> client_;  // null: none yet, or it was lost
  bool is_smtputf8_ = false;
  bool has_recipients_ = false;
  bool expects_content_ = false;
};

}  // namespace pennypost::smtp
