// Passes a message to smtpd_proxy_filter before it is accepted; the filter's answer is the
// client's.
//
// It is told by XFORWARD whose mail it is, if it offers that, and gets the message as it came, with
// our Received on top. A filter that can't be reached, or breaks off, is a 451.
//
// As in Postfix it is connected to at the first recipient that we accept, and answers each command
// (proxy_mail.h). With smtpd_proxy_options = speed_adjust it is connected to when the message is
// here as a whole (pass()), so that slow clients do not occupy it. The mail is then for all
// recipients or for none: if the filter refuses one, that answer is the client's, and nothing is
// sent.
//
// LIMITS     smtpd_proxy_timeout for the connection and each answer
// SEE ALSO   ../delivery/smtp_client.h (the dialogue), session.h (who calls it)
#pragma once

#include <memory>
#include <string>

#include "common/config/config.h"
#include "common/config/server_ref.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/reply.h"

namespace pennypost::smtp {

/// The filter of one service.
class ProxyFilter {
 public:
  /// Null if the service has none.
  static std::shared_ptr<const ProxyFilter> of(const Config& config, const std::string& service,
                                               const Settings& settings);

  /// Whether it answers each command.
  bool is_stepwise() const { return is_stepwise_; }
  /// A session with the filter. Why there is none, or it broke, is logged as a warning of
  /// `component`.
  Task<Result<std::unique_ptr<SmtpClient>>> open(Loop& loop, Backend& backend,
                                                 std::string component) const;
  void warn(std::string_view component, std::string_view problem) const;

  /// `file`: the content, if the envelope says that it is in a file. The warning about a filter
  /// that can't be used is logged as `component`'s.
  Task<Reply> pass(Loop& loop, Backend& backend, const Envelope& envelope, std::string body,
                   Descriptor file, std::string_view component) const;

 private:
  ProxyFilter(std::shared_ptr<const Config> client, std::string service, ServerRef at,
              bool is_stepwise)
      : client_(std::move(client)),
        service_(std::move(service)),
        at_(std::move(at)),
        is_stepwise_(is_stepwise) {}
  std::shared_ptr<const Config> client_;  // with the SMTP client's settings for a filter
  std::string service_;
  ServerRef at_;
  bool is_stepwise_;
};

/// The filter's words, `550 5.1.1 text`, as our reply.
Reply reply_of_filter(std::string_view said);
/// What the client hears while the filter can't be used.
Reply filter_is_unusable();

}  // namespace pennypost::smtp
