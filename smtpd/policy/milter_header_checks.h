// Applies milter_header_checks to the fields that milters add or change.
//
// Actions that concern the whole message are gathered for when all milters have seen it.
//
// STANDARDS  Postfix's MILTER_README, header_checks(5)
// SEE ALSO   content_checks.h (the actions), ../milter/message.h (who makes the fields)
#pragma once

#include <functional>
#include <string>

#include "common/config/config.h"
#include "smtpd/policy/content_checks.h"

namespace pennypost::smtp {

class MilterHeaderChecks {
 public:
  using Ask = std::function<Task<Result<CheckContent::Findings>>(CheckContent)>;
  /// `service`: whose settings these are; empty: the host's.
  MilterHeaderChecks(Ask ask, std::string service, const Settings& settings)
      : ask_(std::move(ask)),
        service_(std::move(service)),
        are_set_(!settings.milter_header_checks.empty()) {}

  /// The field, with its line end, as it is to stand in the message; empty: it is left out. `line`:
  /// the message's. Error 4xx: a table can't be read now.
  Task<Result<std::string>> check(std::string field, LogTransaction line);
  /// What the fields so far make of the message; without edits.
  const ContentVerdict& verdict() const { return verdict_; }

 private:
  Ask ask_;
  std::string service_;
  bool are_set_;
  ContentVerdict verdict_;
};

}  // namespace pennypost::smtp
