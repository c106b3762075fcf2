#include "smtpd/routing/sts_policies.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"

namespace pennypost::smtp {
namespace {

constexpr const char* component = "mta-sts";
constexpr int status_ok = 200;

std::string_view name_of(StsMode mode) {
  return mode == StsMode::Enforce ? "enforce" : mode == StsMode::Testing ? "testing" : "none";
}

/// What a report says of a policy that can't be had: RFC 8460 section 4.3.2.2.
std::string kind_of(const Error& error) {
  if (!error.is_temporary()) return "sts-policy-invalid";
  bool is_certificate = error.text().find("certificate") != std::string::npos;
  return is_certificate ? "sts-webpki-invalid" : "sts-policy-fetch-error";
}

/// RFC 8461 section 3.3: only a plain text, by status 200, is a policy.
Result<KeptSts> kept_of(const HttpsReply& reply, const std::string& id, std::int64_t now) {
  if (reply.status != status_ok) {
    return Error::temporary("HTTP status " + std::to_string(reply.status));
  }
  if (reply.media_type != "text/plain") {
    return Error::permanent("the policy is no text/plain but " + printable(reply.media_type, 80));
  }
  KeptSts kept;
  kept.id = id;
  kept.fetched = now;
  kept.text = reply.body;
  TRY(kept.policy, StsPolicy::parse(reply.body));
  return kept;
}

}  // namespace

StsPolicies::StsPolicies(Loop& loop, std::string directory, const Clock& clock, Fetch fetch)
    : loop_(loop),
      clock_(clock),
      fetch_(std::move(fetch)),
      store_(std::move(directory)),
      tasks_(loop) {}

void StsPolicies::load(const Config& config) {
  if (!config.smtp_tls_mta_sts) return;
  auto loaded = store_.load(clock_.now_seconds(), config.smtp_tls_mta_sts_policies_max);
  if (!loaded) log_warning(component, loaded.error().text());
}

Task<StsPolicy> StsPolicies::find(std::string domain, std::shared_ptr<Resolver> resolver,
                                  std::shared_ptr<const Config> config) {
  auto answer = co_await resolver->txt("_mta-sts." + domain);
  std::optional<std::string> id;
  if (answer.is_found()) id = sts_policy_id(answer.values);
  const KeptSts* now_kept = store_.find(domain, clock_.now_seconds());
  bool is_current = now_kept != nullptr && id == now_kept->id;
  // RFC 8461 section 3.3: without a record, what is kept counts until it expires.
  if (!id || (is_current && !is_due(*now_kept)) || has_failed_lately(domain)) {
    co_return kept(domain);
  }
  auto fetching = begin(domain, *id, std::move(resolver), std::move(config));
  if (is_current) co_return kept(domain);
  while (!fetching->is_done) co_await fetching->done.wait();
  co_return kept(domain);
}

StsPolicy StsPolicies::kept(const std::string& domain) const {
  const KeptSts* found = store_.find(domain, clock_.now_seconds());
  if (found != nullptr) return found->policy;
  StsPolicy none;
  if (has_failed_lately(domain)) none.failure = failed_.at(domain).kind;
  return none;
}

bool StsPolicies::is_due(const KeptSts& kept) const {
  auto pause = std::min<std::int64_t>(refresh_pause.count(),
                                      static_cast<std::int64_t>(kept.policy.seconds / 2));
  return clock_.now_seconds() >= kept.fetched + pause;
}

bool StsPolicies::has_failed_lately(const std::string& domain) const {
  auto found = failed_.find(domain);
  return found != failed_.end() && loop_.now() < found->second.until;
}

void StsPolicies::note_failure(const std::string& domain, const Error& why, const Config& config) {
  if (failed_.size() >= config.smtp_tls_mta_sts_policies_max) failed_.clear();
  failed_[domain] = Failure{loop_.now() + retry_pause, kind_of(why)};
  bool is_kept = store_.find(domain, clock_.now_seconds()) != nullptr;
  log_warning(component,
              "the policy of " + domain + " can't be fetched: " + why.text() +
                  (is_kept ? "; the one that is kept counts" : "; mail goes there as without one"));
}

std::shared_ptr<StsPolicies::UnderWay> StsPolicies::begin(const std::string& domain,
                                                          const std::string& id, Shared resolver,
                                                          std::shared_ptr<const Config> config) {
  auto found = under_way_.find(domain);
  if (found != under_way_.end()) return found->second;
  auto fetching = std::make_shared<UnderWay>(loop_);
  under_way_[domain] = fetching;
  tasks_.start(fetch(domain, id, std::move(resolver), std::move(config)));
  return fetching;
}

Task<> StsPolicies::fetch(std::string domain, std::string id, Shared resolver,
                          std::shared_ptr<const Config> config) {
  auto fetching = fetched(domain, id, std::move(resolver), config);
  auto fresh = co_await std::move(fetching);
  if (fresh) {
    failed_.erase(domain);
    log_info(component, domain + ": policy " + fresh->id + ", mode " +
                            std::string(name_of(fresh->policy.mode)) + ", mx " +
                            join(fresh->policy.patterns, " "));
    store_.put(domain, *std::move(fresh), config->smtp_tls_mta_sts_policies_max);
  } else {
    note_failure(domain, fresh.error(), *config);
  }
  auto ended = under_way_.extract(domain);
  ended.mapped()->is_done = true;
  ended.mapped()->done.notify_all();
}

Task<Result<KeptSts>> StsPolicies::fetched(std::string domain, std::string id, Shared resolver,
                                           std::shared_ptr<const Config> config) {
  HttpsFetch what;
  what.host = "mta-sts." + domain;
  what.path = "/.well-known/mta-sts.txt";
  what.ca_file = config->smtp_tls_mta_sts_CAfile;
  what.limit = config->smtp_tls_mta_sts_timeout;
  what.bytes_max = config->smtp_tls_mta_sts_policy_bytes_max;
  auto addresses = co_await resolver->addresses(what.host, AddressFamilies());
  if (!addresses.is_found()) {
    co_return Error::temporary(what.host + ": " + addresses.reason);
  }
  what.addresses = std::move(addresses.values);
  if (source_ == nullptr || source_limit_ != config->smtp_tls_mta_sts_timeout) {
    SlowSource::Limits limits;
    limits.threads = sts_fetches_max;
    limits.deadline = config->smtp_tls_mta_sts_timeout;
    source_limit_ = config->smtp_tls_mta_sts_timeout;
    source_ = std::make_shared<SlowSource>("MTA-STS policies", limits);
  }
  auto source = source_;
  std::function<Result<KeptSts>()> work = [fetch = fetch_, what, domain, id,
                                           directory = store_.directory(),
                                           now = clock_.now_seconds()]() -> Result<KeptSts> {
    TRY(auto reply, fetch(what));
    TRY(auto kept, kept_of(reply, id, now));
    auto written = StsStore::write(directory, domain, kept);
    if (!written) log_warning(component, written.error().text());
    return kept;
  };
  auto call = source->begin<KeptSts>(std::move(work));
  co_await source->finish(loop_, call);
  co_return call->answer();
}

}  // namespace pennypost::smtp
