// Applies header_checks, body_checks and their kin to a session's messages.
//
// SEE ALSO   ../policy/content_checks.h (what the tables mean)
#pragma once

#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/filter.h"
#include "smtpd/policy/content_inspection.h"

namespace pennypost::smtp {

class ContentChecksFilter final : public Filter {
 public:
  /// `service`: whose settings these are.
  ContentChecksFilter(Backend& backend, std::string_view service, const Settings& settings);

  unsigned steps() const override { return Message; }
  Task<FilterAnswer> header(FilteredMessage& message) override;
  Task<FilterAnswer> body(std::string_view piece) override;
  Task<FilterAnswer> end(FilteredMessage& message) override;

 private:
  Task<FilterAnswer> check();

  ContentInspection inspection_;
  FilteredMessage* message_ = nullptr;  // from header() on; of the present transaction
};

}  // namespace pennypost::smtp
