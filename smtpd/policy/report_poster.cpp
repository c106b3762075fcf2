#include "smtpd/policy/report_poster.h"

#include <utility>

#include "common/base/text.h"
#include "common/mailauth/https_uri.h"

namespace pennypost::smtp {
namespace {

constexpr int status_accepted_min = 200;
constexpr int status_accepted_max = 299;

SlowSource::Limits limits() {
  SlowSource::Limits limits;
  limits.threads = posts_max;
  limits.deadline = post_limit;
  return limits;
}

}  // namespace

ReportPoster::ReportPoster(Loop& loop, Fetch fetch)
    : loop_(loop), fetch_(std::move(fetch)), source_("posting of reports", limits()) {}

Task<Result<void>> ReportPoster::post(PostReport report, std::shared_ptr<Resolver> resolver,
                                      std::shared_ptr<const Config> config) {
  const std::string name = printable(report.uri);
  CO_TRY(auto uri, parse_https_uri(report.uri));
  HttpsFetch what;
  what.host = std::move(uri.host);
  what.port = uri.port;
  what.path = std::move(uri.path);
  what.ca_file = config->smtp_tls_mta_sts_CAfile;
  what.limit = post_limit;
  what.bytes_max = bytes_max;
  what.posted_type = std::move(report.content_type);
  what.posted = std::move(report.content);
  auto addresses = co_await resolver->addresses(what.host, AddressFamilies());
  if (!addresses.is_found()) co_return Error::temporary(name + ": " + addresses.reason);
  what.addresses = std::move(addresses.values);
  std::function<Result<int>()> work = [fetch = fetch_, what = std::move(what)]() -> Result<int> {
    TRY(auto reply, fetch(what));
    return reply.status;
  };
  auto call = source_.begin<int>(std::move(work));
  co_await source_.finish(loop_, call);
  auto status = call->answer();
  if (!status) co_return Error::temporary(name + ": " + status.error().text());
  if (*status < status_accepted_min || *status > status_accepted_max) {
    co_return Error::temporary(name + ": HTTP status " + std::to_string(*status));
  }
  co_return Result<void>();
}

}  // namespace pennypost::smtp
