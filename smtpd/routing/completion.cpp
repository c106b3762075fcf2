#include "smtpd/routing/completion.h"

namespace pennypost::smtp {

Result<Completion> completion_of(const Settings& settings) {
  Completion completion;
  if (settings.append_at_myorigin) {
    TRY(auto origin, Domain::parse(settings.myorigin, Utf8::Allowed));
    completion.myorigin = origin.as_ascii();
  }
  if (settings.append_dot_mydomain) {
    TRY(auto parent, Domain::parse(settings.mydomain, Utf8::Allowed));
    completion.mydomain = parent.as_ascii();
  }
  return completion;
}

Result<std::optional<Completion>> remote_completion_of(const Settings& settings) {
  std::optional<Completion> completion;
  if (settings.remote_header_rewrite_domain.empty()) return completion;
  TRY(auto domain, Domain::parse(settings.remote_header_rewrite_domain, Utf8::Allowed));
  completion.emplace();
  if (settings.append_at_myorigin) completion->myorigin = domain.as_ascii();
  if (settings.append_dot_mydomain) completion->mydomain = domain.as_ascii();
  return completion;
}

}  // namespace pennypost::smtp
