// Applies header_checks to a session's messages.
//
// SEE ALSO   ../policy/header_checks.h (what the tables mean)
#pragma once

#include <string>

#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/filter.h"

namespace pennypost::smtp {

class HeaderFilter final : public Filter {
 public:
  /// `service`: the service whose header_checks apply.
  HeaderFilter(Backend& backend, std::string_view service) : backend_(backend), service_(service) {}

  Task<FilterAnswer> header(FilteredMessage& message) override;

 private:
  Backend& backend_;
  std::string service_;
};

}  // namespace pennypost::smtp
