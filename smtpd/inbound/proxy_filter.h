// Passes a message to smtpd_proxy_filter before it is accepted; the filter's answer is the
// client's.
//
// As with Postfix's smtpd_proxy_options = speed_adjust, the filter is connected to when the message
// is here as a whole. It is told by XFORWARD whose mail it is, if it offers that, and gets the
// message as it came, with our Received on top. The mail is for all recipients or for none: if the
// filter refuses one, that answer is the client's, and nothing is sent. A filter that can't be
// reached, or breaks off, is a 451.
//
// LIMITS     smtpd_proxy_timeout for the connection and each answer
// SEE ALSO   ../delivery/smtp_client.h (the dialogue), session.h (who calls it)
#pragma once

#include <memory>
#include <string>

#include "common/config/config.h"
#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/reply.h"

namespace pennypost::smtp {

/// The filter of one service.
class ProxyFilter {
 public:
  /// Null if the service has none.
  static std::shared_ptr<const ProxyFilter> of(const Config& config, const Settings& settings);

  /// `file`: the content, if the envelope says that it is in a file. The warning about a filter
  /// that can't be used is logged as `component`'s.
  Task<Reply> pass(Loop& loop, Backend& backend, const Envelope& envelope, std::string body,
                   Descriptor file, std::string_view component) const;

 private:
  ProxyFilter(std::shared_ptr<const Config> client, Endpoint at)
      : client_(std::move(client)), at_(at) {}
  std::shared_ptr<const Config> client_;  // with the SMTP client's settings for a filter
  Endpoint at_;
};

}  // namespace pennypost::smtp
