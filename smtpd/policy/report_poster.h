// Posts reports to the web servers of other domains, by HTTPS.
//
// A status of 200 to 299 means that the server has accepted the report; all else is an Error, and
// what the server says beside it is not read further than bytes_max. The certificate must be valid
// for the server's host. No redirect is followed.
//
// LIMITS     posts_max at once, post_limit for one
// STANDARDS  RFC 8460 section 5.4
// SEE ALSO   ../reports/daily_reporter.h (who asks), ../../common/https/fetch.h
#pragma once

#include <functional>
#include <memory>

#include "common/async/slow_source.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/https/fetch.h"
#include "smtpd/policy/report_messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t posts_max = 2;
inline constexpr std::chrono::seconds post_limit{60};

class ReportPoster {
 public:
  /// Called on a thread; blocks.
  using Fetch = std::function<Result<HttpsReply>(const HttpsFetch& what)>;
  static constexpr std::size_t bytes_max = 64 * 1024;  // of an answer

  ReportPoster(Loop& loop, Fetch fetch);
  /// Errors begin with the URI; all but that it is malformed are temporary. `resolver` must live
  /// until the task ends.
  Task<Result<void>> post(PostReport report, std::shared_ptr<Resolver> resolver,
                          std::shared_ptr<const Config> config);

 private:
  Loop& loop_;
  Fetch fetch_;
  SlowSource source_;
};

}  // namespace pennypost::smtp
