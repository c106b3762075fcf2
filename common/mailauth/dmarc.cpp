#include "common/mailauth/dmarc.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "common/mail/public_suffix.h"

namespace pennypost {
namespace {

struct FoundRecord {
  std::string domain;
  DmarcRecord record;
};

/// What DNS says about the domains above and including one.
struct DomainFacts {
  std::string organizational;
  std::optional<FoundRecord> record;  // that is for this domain
};

/// Without its first label; empty if there is but one.
std::string parent_of(const std::string& domain) {
  auto dot = domain.find('.');
  return dot == domain.npos ? std::string() : domain.substr(dot + 1);
}

/// DMARCbis: the next domain up the tree; long names are cut to one label less than the most.
std::string next_up(const std::string& domain) {
  auto up = parent_of(domain);
  while (static_cast<std::size_t>(std::ranges::count(up, '.')) + 1 >= tree_walk_labels_max) {
    up = parent_of(up);
  }
  return up;
}

DmarcPolicy softened(DmarcPolicy policy) {
  return policy == DmarcPolicy::Reject ? DmarcPolicy::Quarantine : DmarcPolicy::None;
}

/// The domains of the addresses in a field, in A-labels and lower case.
Result<std::set<std::string>> domains_in(const HeaderField& field) {
  std::set<std::string> domains;
  for (const auto& listed : parse_address_list(field.body)) {
    if (listed.kind != ListedAddress::Kind::Mailbox) continue;
    auto domain = Domain::parse(listed.host.value_or(""), Utf8::Allowed);
    if (!domain || domain->is_literal()) return Error::permanent("From has no valid domain");
    domains.insert(lower(domain->key()));
  }
  return domains;
}

class DmarcCheck {
 public:
  DmarcCheck(Resolver& resolver, DmarcRequest request)
      : resolver_(resolver), request_(std::move(request)) {}

  /// Error 451 if DNS does not answer.
  Task<Result<DmarcResult>> run();

 private:
  Task<Result<std::optional<FoundRecord>>> record_at(std::string domain);
  Task<Result<DomainFacts>> facts_about(std::string domain);
  Task<Result<DomainFacts>> facts_by_list(std::string domain);
  Task<Result<DomainFacts>> facts_by_walk(std::string domain);
  Task<Result<bool>> is_aligned(std::string domain, bool strict);
  Task<bool> is_nonexistent(std::string domain);
  Task<DmarcPolicy> policy_for_author(const FoundRecord& found);
  Task<Result<void>> decide(DmarcResult& result);

  Resolver& resolver_;
  DmarcRequest request_;
  DomainFacts author_;
  std::map<std::string, bool> aligned_;  // domains within the author's, in relaxed mode
};

/// RFC 7489 section 6.6.3, steps 1 to 3 and 5: one record is there, several are none.
Task<Result<std::optional<FoundRecord>>> DmarcCheck::record_at(std::string domain) {
  std::optional<FoundRecord> found;
  auto name = "_dmarc." + domain;
  if (name.size() > dns_name_bytes_max) co_return found;
  auto answer = co_await resolver_.txt(name);
  if (answer.status == DnsStatus::TryLater) {
    co_return Error::temporary("4.4.3", "no answer from DNS about " + name + ": " + answer.reason);
  }
  std::erase_if(answer.values, [](const auto& text) { return !DmarcRecord::is_one(text); });
  if (answer.values.size() != 1) co_return found;
  auto record = DmarcRecord::parse(answer.values.front());
  if (record) found.emplace(FoundRecord{std::move(domain), *std::move(record)});
  co_return found;
}

Task<Result<DomainFacts>> DmarcCheck::facts_about(std::string domain) {
  if (request_.discovery == DmarcDiscovery::TreeWalk) {
    co_return co_await facts_by_walk(std::move(domain));
  }
  co_return co_await facts_by_list(std::move(domain));
}

Task<Result<DomainFacts>> DmarcCheck::facts_by_list(std::string domain) {
  DomainFacts facts;
  facts.organizational = organizational_domain(domain);
  CO_TRY(facts.record, co_await record_at(domain));
  if (!facts.record && facts.organizational != domain) {
    CO_TRY(facts.record, co_await record_at(facts.organizational));
  }
  co_return facts;
}

/// DMARCbis: records up to the top, or to one that says where the organization ends.
Task<Result<DomainFacts>> DmarcCheck::facts_by_walk(std::string domain) {
  std::vector<FoundRecord> records;
  for (std::string at = domain; !at.empty(); at = next_up(at)) {
    CO_TRY(auto found, co_await record_at(at));
    if (!found) continue;
    auto suffix = found->record.suffix;
    records.push_back(*std::move(found));
    if (suffix == DmarcSuffix::No || (suffix == DmarcSuffix::Yes && at != domain)) break;
  }
  DomainFacts facts;
  facts.organizational = domain;
  if (records.empty()) co_return facts;
  const auto& top = records.back();
  facts.organizational = top.domain;
  bool ends_at_suffix = top.record.suffix == DmarcSuffix::Yes && top.domain != domain;
  if (ends_at_suffix) {
    // One label below the suffix.
    auto below = std::string_view(domain).substr(0, domain.size() - top.domain.size() - 1);
    facts.organizational = domain.substr(below.rfind('.') + 1);
  }
  // The domain's own record, else its organization's, else its suffix's.
  for (const auto& wanted : {domain, facts.organizational, top.domain}) {
    auto found = std::ranges::find(records, wanted, &FoundRecord::domain);
    if (found == records.end()) continue;
    facts.record = *found;
    break;
  }
  co_return facts;
}

/// RFC 7489 section 3.1: the same domain, or in relaxed mode one of the same organization.
Task<Result<bool>> DmarcCheck::is_aligned(std::string domain, bool strict) {
  domain = lower(domain);
  if (domain == request_.author_domain) co_return true;
  if (strict || !is_within_domain(domain, author_.organizational)) co_return false;
  auto known = aligned_.find(domain);
  if (known != aligned_.end()) co_return known->second;
  std::string organizational = organizational_domain(domain);
  if (request_.discovery == DmarcDiscovery::TreeWalk) {
    CO_TRY(auto facts, co_await facts_by_walk(domain));
    organizational = facts.organizational;
  }
  bool aligned = organizational == author_.organizational;
  aligned_.emplace(std::move(domain), aligned);
  co_return aligned;
}

/// RFC 9091 section 2.6: no mail host and no address; DMARCbis: not even a name. What DNS does not
/// answer exists.
Task<bool> DmarcCheck::is_nonexistent(std::string domain) {
  for (auto type : {DnsType::Mx, DnsType::A, DnsType::Aaaa}) {
    auto reply = co_await resolver_.query(domain, type);
    if (reply.status == DnsStatus::Found || reply.status == DnsStatus::TryLater) co_return false;
    bool has_name = reply.status == DnsStatus::NoData;
    if (has_name && request_.discovery == DmarcDiscovery::TreeWalk) co_return false;
  }
  co_return true;
}

/// RFC 7489 section 6.3: sp= and np= are for the domains below the one that has the record.
Task<DmarcPolicy> DmarcCheck::policy_for_author(const FoundRecord& found) {
  const DmarcRecord& record = found.record;
  if (found.domain == request_.author_domain) co_return record.policy;
  auto policy = record.subdomains.value_or(record.policy);
  if (!record.nonexistent || *record.nonexistent == policy) co_return policy;
  bool nonexistent = co_await is_nonexistent(request_.author_domain);
  co_return nonexistent ? *record.nonexistent : policy;
}

/// Sets whether SPF or DKIM has passed for the author's domain.
Task<Result<void>> DmarcCheck::decide(DmarcResult& result) {
  const DmarcRecord& record = author_.record->record;
  bool may_pass_later = false;
  for (const auto& signature : request_.dkim) {
    bool is_open = signature.status == DkimStatus::TempError;
    if (signature.status != DkimStatus::Pass && !is_open) continue;
    CO_TRY(bool aligned, co_await is_aligned(signature.domain, record.strict_dkim));
    if (!aligned) continue;
    (is_open ? may_pass_later : result.dkim_aligned) = true;
  }
  bool is_open = request_.spf.status == SpfStatus::TempError;
  if (request_.spf.status == SpfStatus::Pass || is_open) {
    CO_TRY(bool aligned, co_await is_aligned(request_.spf.domain, record.strict_spf));
    if (aligned) (is_open ? may_pass_later : result.spf_aligned) = true;
  }
  result.status = DmarcStatus::Fail;
  if (result.dkim_aligned || result.spf_aligned) {
    result.status = DmarcStatus::Pass;
  } else if (may_pass_later) {
    result.status = DmarcStatus::TempError;
    result.reason = "SPF or DKIM could not be checked at the moment";
  }
  co_return Result<void>();
}

Task<Result<DmarcResult>> DmarcCheck::run() {
  DmarcResult result;
  result.author_domain = request_.author_domain;
  CO_TRY(author_, co_await facts_about(request_.author_domain));
  if (!author_.record) {
    result.reason = "no DMARC record";
    co_return result;
  }
  result.record = author_.record->record;
  result.record_domain = author_.record->domain;
  CO_TRY_DO(co_await decide(result));
  result.policy = co_await policy_for_author(*author_.record);
  if (result.status != DmarcStatus::Fail) co_return result;
  result.requested = result.policy;
  // RFC 7489 section 6.6.4: mail that is not among the percentage gets the next milder policy.
  bool is_spared = request_.sample >= result.record->percent || result.record->is_testing;
  if (is_spared) result.requested = softened(result.policy);
  co_return result;
}

}  // namespace

std::string_view name_of(DmarcStatus status) {
  switch (status) {
    case DmarcStatus::None:
      return "none";
    case DmarcStatus::Pass:
      return "pass";
    case DmarcStatus::Fail:
      return "fail";
    case DmarcStatus::TempError:
      return "temperror";
    case DmarcStatus::PermError:
      return "permerror";
  }
  return "?";
}

Result<std::string> author_domain(std::string_view header) {
  auto fields = HeaderFields(header).find_all("From");
  if (fields.size() != 1) {
    return Error::permanent(std::to_string(fields.size()) + " From fields instead of one");
  }
  TRY(auto domains, domains_in(fields.front()));
  if (domains.size() == 1) return *domains.begin();
  return Error::permanent(domains.empty() ? "From has no address"
                                          : "From has addresses of several domains");
}

bool shows_several_authors(std::string_view header) {
  auto fields = HeaderFields(header).find_all("From");
  if (fields.size() != 1) return fields.size() > 1;
  auto domains = domains_in(fields.front());
  return domains && domains->size() > 1;
}

Task<DmarcResult> check_dmarc(Loop& loop, Resolver& resolver, DmarcRequest request,
                              Duration time_max) {
  DmarcResult failed;
  failed.status = DmarcStatus::TempError;
  failed.author_domain = request.author_domain;
  DmarcCheck check(resolver, std::move(request));
  auto checking = check.run();
  auto done = co_await within(loop, time_max, std::move(checking));
  if (done && *done) co_return **std::move(done);
  failed.reason = done ? done->error().text() : "no answer from DNS in time";
  co_return failed;
}

}  // namespace pennypost
