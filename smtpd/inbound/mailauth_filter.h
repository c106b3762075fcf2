// Checks strangers' mail by SPF, DKIM, ARC and DMARC, and puts Authentication-Results on top.
//
// Fields of that name that claim to be ours are removed, also from the mail of our own users.
// Mail of users, of mynetworks and of mailauth_exempt_networks is not checked otherwise. The
// message is refused, or marked as junk, only at its end.
//
// STANDARDS  RFC 8601 section 5 (fields to remove)
// SEE ALSO   authentication.h (the checks)
#pragma once

#include <optional>

#include "smtpd/inbound/authentication.h"
#include "smtpd/inbound/filter.h"
#include "smtpd/inbound/service_context.h"

namespace pennypost::smtp {

class MailAuthFilter final : public Filter {
 public:
  explicit MailAuthFilter(const ServiceContext& context) : context_(context) {}

  unsigned steps() const override { return Mail | Message; }
  bool wants_message() const override { return !is_exempt_; }
  Task<FilterAnswer> mail(const CheckRecipient& about) override;
  Task<FilterAnswer> header(FilteredMessage& message) override;
  Task<FilterAnswer> body(std::string_view piece) override;
  Task<FilterAnswer> end(FilteredMessage& message) override;
  void abort() override { check_.reset(); }

 private:
  std::vector<Edit> removed(const FilteredMessage& message) const;
  FilterAnswer obey(const AuthVerdict& verdict, FilteredMessage& message) const;

  const ServiceContext& context_;
  Authentication::Client client_;
  bool is_user_ = false;                 // the client has logged in
  bool is_exempt_ = false;               // no user, and its mail is checked elsewhere
  std::optional<Authentication> check_;  // of the message that is being received
};

}  // namespace pennypost::smtp
