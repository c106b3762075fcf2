// Finds the MTA-STS policy of a domain: announced in DNS, fetched by HTTPS, kept and refreshed.
//
// Mail waits for the first policy of a domain, and for a new one when the record has another id, at
// most for smtp_tls_mta_sts_timeout and the time limits of the resolver. If none can be fetched,
// the one that is kept counts until it expires; without one the mail goes as if the domain had
// none, as RFC 8461 section 5.1 says, and for retry_pause nothing is fetched for that domain. Once
// a day, or when half of its time is over, a kept policy is fetched again while mail goes on with
// the old one.
//
// LIMITS     smtp_tls_mta_sts_policies_max, smtp_tls_mta_sts_policy_bytes_max, sts_fetches_max at
//            once
// STANDARDS  RFC 8461 sections 3.3, 5.1 and 10.2
// SEE ALSO   sts_question.h (who asks), sts_store.h (where they are kept), ../delivery/tls_choice.h
// (who obeys them)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/async/nursery.h"
#include "common/async/slow_source.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/https/fetch.h"
#include "smtpd/routing/sts_store.h"

namespace pennypost::smtp {

inline constexpr std::size_t sts_fetches_max = 4;

class StsPolicies {
 public:
  /// Called on a thread; blocks.
  using Fetch = std::function<Result<HttpsReply>(const HttpsFetch& what)>;
  static constexpr std::chrono::seconds retry_pause{300};
  static constexpr std::chrono::seconds refresh_pause{86'400};

  StsPolicies(Loop& loop, std::string directory, const Clock& clock, Fetch fetch);
  /// Reads what is kept; blocks. Problems are logged.
  void load(const Config& config);
  /// The domain's policy; mode none if it has none. `domain`: an A-label name in lower case.
  /// `resolver` must live until the task ends.
  Task<StsPolicy> find(std::string domain, std::shared_ptr<Resolver> resolver,
                       std::shared_ptr<const Config> config);

 private:
  struct UnderWay {
    explicit UnderWay(Loop& loop) : done(loop) {}
    Event done;
    bool is_done = false;
  };
  using Shared = std::shared_ptr<Resolver>;
  bool is_due(const KeptSts& kept) const;
  bool has_failed_lately(const std::string& domain) const;
  void note_failure(const std::string& domain, const Error& why, const Config& config);
  std::shared_ptr<UnderWay> begin(const std::string& domain, const std::string& id, Shared resolver,
                                  std::shared_ptr<const Config> config);
  Task<> fetch(std::string domain, std::string id, Shared resolver,
               std::shared_ptr<const Config> config);
  Task<Result<KeptSts>> fetched(std::string domain, std::string id, Shared resolver,
                                std::shared_ptr<const Config> config);
  StsPolicy kept(const std::string& domain) const;

  Loop& loop_;
  const Clock& clock_;
  Fetch fetch_;
  StsStore store_;
  std::shared_ptr<SlowSource> source_;  // a fetch holds its own
  std::chrono::seconds source_limit_{0};
  std::map<std::string, std::shared_ptr<UnderWay>> under_way_;
  struct Failure {
    SteadyTime until;
    std::string kind;  // a result-type of RFC 8460
  };
  std::map<std::string, Failure> failed_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
