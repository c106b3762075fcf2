#include "common/mailauth/spf.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/mail/address.h"
#include "common/mail/idn.h"
#include "common/mail/public_suffix.h"
#include "common/mailauth/spf_macro.h"

namespace pennypost {
namespace {

/// Section 4.3: a name of several labels that DNS can be asked about.
std::optional<std::string> checked_domain(std::string_view name) {
  if (name.size() > domain_bytes_max) return {};
  auto ascii = is_ascii(name) ? std::optional(lower(name)) : domain_to_ascii(name);
  if (!ascii) return {};
  if (ascii->ends_with('.')) ascii->pop_back();
  if (!is_host_name(*ascii) || ascii->find('.') == ascii->npos) return {};
  return ascii;
}

/// Whether a name that macros made can be asked about at all; else it matches nothing.
bool is_askable(std::string_view name) {
  if (name.empty() || name.size() > dns_name_bytes_max) return false;
  return std::ranges::all_of(split(name, '.'), [](std::string_view label) {
    return !label.empty() && label.size() <= dns_label_bytes_max;
  });
}

/// One evaluation, with what it has used up of its limits. Errors are 451 for TempError and 550 for
/// PermError.
class SpfCheck {
 public:
  SpfCheck(Resolver& resolver, SpfRequest request, SpfMacroValues values)
      : resolver_(resolver), client_(request.client), values_(std::move(values)) {}

  Task<SpfResult> run(std::string domain);

 private:
  Task<SpfResult> check_host(std::string domain);
  Task<Result<std::optional<SpfRecord>>> find_record(std::string domain);
  Task<Result<bool>> matches(const SpfTerm& term, std::string domain);
  Task<Result<bool>> include(std::string domain);
  Task<Result<bool>> exists(std::string name);
  Task<Result<bool>> address_matches(const SpfTerm& term, std::string name);
  Task<Result<bool>> mx_matches(const SpfTerm& term, std::string domain);
  Task<bool> ptr_matches(std::string domain);

  Task<Result<DnsReply>> ask(std::string name, DnsType type);
  Task<> find_names();
  Task<std::string> expanded(std::string text, std::string domain);
  Task<std::string> explain(std::string text, std::string domain);
  void choose_name(std::string_view domain);
  Result<void> count(const SpfTerm* term);

  DnsType address_type() const { return client_.is_v4() ? DnsType::A : DnsType::Aaaa; }

  Resolver& resolver_;
  IpAddress client_;
  SpfMacroValues values_;
  int terms_ = 0;
  int voids_ = 0;
  std::optional<std::vector<std::string>> names_;  // of the client, which lead back to it
  // The explanation of the record that decided, with its domain.
  std::optional<std::string> explanation_;
};

SpfResult failed(std::string domain, const Error& error) {
  SpfResult result;
  result.status = error.is_temporary() ? SpfStatus::TempError : SpfStatus::PermError;
  result.record_domain = std::move(domain);
  result.reason = error.text();
  return result;
}

Error unanswered(std::string_view name, std::string_view reason) {
  return Error::temporary(
      "4.4.3", "no answer from DNS about " + printable(name, 255) + ": " + std::string(reason));
}

Task<SpfResult> SpfCheck::run(std::string domain) {
  auto result = co_await check_host(domain);
  if (result.status == SpfStatus::Fail && explanation_) {
    result.explanation = co_await explain(*explanation_, result.record_domain);
  }
  co_return result;
}

Task<SpfResult> SpfCheck::check_host(std::string domain) {
  SpfResult result;
  result.record_domain = domain;
  explanation_.reset();
  auto record = co_await find_record(domain);
  if (!record) co_return failed(std::move(domain), record.error());
  if (!*record) {
    result.reason = "no SPF record";
    co_return result;
  }
  for (const auto& term : (*record)->terms) {
    auto match = co_await matches(term, domain);
    if (!match) co_return failed(std::move(domain), match.error());
    if (!*match) continue;
    result.status = term.result;
    result.mechanism = term.text;
    // Section 6.2: the explanation of an included record is not used.
    explanation_ = (*record)->explanation;
    co_return result;
  }
  if (!(*record)->redirect) {
    result.status = SpfStatus::Neutral;
    co_return result;
  }
  auto counted = count(nullptr);
  if (!counted) co_return failed(std::move(domain), counted.error());
  auto target = co_await expanded(*(*record)->redirect, domain);
  if (!is_askable(target)) {
    co_return failed(std::move(domain), Error::permanent("redirect= leads to no domain"));
  }
  result = co_await check_host(target);
  // Section 6.1.
  if (result.status == SpfStatus::None) {
    co_return failed(std::move(target), Error::permanent("redirect= leads to no SPF record"));
  }
  co_return result;
}

Task<Result<std::optional<SpfRecord>>> SpfCheck::find_record(std::string domain) {
  auto answer = co_await resolver_.txt(domain);
  if (answer.status == DnsStatus::TryLater) co_return unanswered(domain, answer.reason);
  std::optional<std::string> text;
  for (auto& value : answer.values) {
    if (!SpfRecord::is_one(value)) continue;
    if (text) co_return Error::permanent("several SPF records");
    text = std::move(value);
  }
  std::optional<SpfRecord> record;
  if (!text) co_return record;
  CO_TRY(record, SpfRecord::parse(*text));
  co_return record;
}

/// Section 4.6.4; `term` is null for redirect=.
Result<void> SpfCheck::count(const SpfTerm* term) {
  if (term != nullptr &&
      (term->mechanism == SpfMechanism::All || term->mechanism == SpfMechanism::Ip4 ||
       term->mechanism == SpfMechanism::Ip6)) {
    return {};
  }
  if (++terms_ <= spf_terms_max) return {};
  return Error::permanent("more than " + std::to_string(spf_terms_max) + " terms that ask DNS");
}

Task<Result<bool>> SpfCheck::matches(const SpfTerm& term, std::string domain) {
  CO_TRY_DO(count(&term));
  std::string target = domain;
  if (!term.domain.empty()) target = co_await expanded(term.domain, domain);
  if (!is_askable(target) && term.mechanism != SpfMechanism::Include) co_return false;
  switch (term.mechanism) {
    case SpfMechanism::All:
      co_return true;
    case SpfMechanism::Ip4:
    case SpfMechanism::Ip6:
      co_return term.network&& term.network->contains(client_);
    case SpfMechanism::Include:
      co_return co_await include(std::move(target));
    case SpfMechanism::A:
      co_return co_await address_matches(term, std::move(target));
    case SpfMechanism::Mx:
      co_return co_await mx_matches(term, std::move(target));
    case SpfMechanism::Exists:
      co_return co_await exists(std::move(target));
    case SpfMechanism::Ptr: {
      bool match = co_await ptr_matches(std::move(target));
      co_return match;
    }
  }
  co_return false;
}

/// Section 5.2.
Task<Result<bool>> SpfCheck::include(std::string domain) {
  if (!is_askable(domain)) co_return Error::permanent("include: of no domain");
  auto result = co_await check_host(domain);
  switch (result.status) {
    case SpfStatus::Pass:
      co_return true;
    case SpfStatus::TempError:
      co_return Error::temporary(result.reason);
    case SpfStatus::PermError:
      co_return Error::permanent(result.reason);
    case SpfStatus::None:
      co_return Error::permanent("include: of a domain without an SPF record");
    case SpfStatus::Neutral:
    case SpfStatus::Fail:
    case SpfStatus::SoftFail:
      break;
  }
  co_return false;
}

/// Section 5.7: A records, whatever the client's address is.
Task<Result<bool>> SpfCheck::exists(std::string name) {
  CO_TRY(auto reply, co_await ask(std::move(name), DnsType::A));
  co_return !reply.records.empty();
}

Task<Result<bool>> SpfCheck::address_matches(const SpfTerm& term, std::string name) {
  CO_TRY(auto reply, co_await ask(std::move(name), address_type()));
  int prefix = client_.is_v4() ? term.prefix4 : term.prefix6;
  DnsAnswer<IpAddress> answer(std::move(reply));
  co_return std::ranges::any_of(answer.values, [&](const IpAddress& address) {
    return Network(address, prefix).contains(client_);
  });
}

Task<Result<bool>> SpfCheck::mx_matches(const SpfTerm& term, std::string domain) {
  CO_TRY(auto reply, co_await ask(std::move(domain), DnsType::Mx));
  DnsAnswer<MxRecord> answer(std::move(reply));
  if (answer.values.size() > spf_names_max) {
    co_return Error::permanent("more than " + std::to_string(spf_names_max) + " MX records");
  }
  for (const auto& mx : answer.values) {
    if (!is_askable(mx.host)) continue;
    CO_TRY(bool match, co_await address_matches(term, mx.host));
    if (match) co_return true;
  }
  co_return false;
}

/// Section 5.5: errors of DNS are no match.
Task<bool> SpfCheck::ptr_matches(std::string domain) {
  co_await find_names();
  co_return std::ranges::any_of(*names_,
                                [&](const auto& name) { return is_within_domain(name, domain); });
}

/// One question of a mechanism; those without an answer are counted.
Task<Result<DnsReply>> SpfCheck::ask(std::string name, DnsType type) {
  auto reply = co_await resolver_.query(name, type);
  if (reply.status == DnsStatus::TryLater) co_return unanswered(name, reply.reason);
  if (reply.status != DnsStatus::Found && ++voids_ > spf_void_max) {
    co_return Error::permanent("more than " + std::to_string(spf_void_max) +
                               " questions without an answer in DNS");
  }
  co_return reply;
}

/// The names of the client that lead back to its address, asked for once.
Task<> SpfCheck::find_names() {
  if (names_) co_return;
  names_.emplace();
  auto reply = co_await resolver_.query(client_.reverse_name(), DnsType::Ptr);
  DnsAnswer<std::string> pointers(std::move(reply));
  std::size_t count = std::min(pointers.values.size(), spf_names_max);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& name = pointers.values[i];
    if (!is_askable(name)) continue;
    auto forward = co_await resolver_.query(name, address_type());
    DnsAnswer<IpAddress> addresses(std::move(forward));
    if (std::ranges::find(addresses.values, client_) != addresses.values.end()) {
      names_->push_back(name);
    }
  }
}

/// Section 7.3: p is the domain itself if the client bears it, else a name below it, else any.
void SpfCheck::choose_name(std::string_view domain) {
  values_.validated = names_->empty() ? "unknown" : names_->front();
  for (const auto& name : *names_) {
    if (equal_nocase(name, domain)) {
      values_.validated = name;
      return;
    }
    if (is_within_domain(name, domain) && !is_within_domain(values_.validated, domain))
      values_.validated = name;
  }
}

Task<std::string> SpfCheck::expanded(std::string text, std::string domain) {
  values_.domain = domain;
  if (needs_validated_name(text)) {
    co_await find_names();
    choose_name(domain);
  }
  co_return expand_spf_domain(text, values_);
}

/// Section 6.2: whatever goes wrong here, there is just no explanation.
Task<std::string> SpfCheck::explain(std::string text, std::string domain) {
  auto name = co_await expanded(std::move(text), domain);
  if (!is_askable(name)) co_return std::string();
  auto answer = co_await resolver_.txt(std::move(name));
  if (answer.values.size() != 1) co_return std::string();
  const auto& macros = answer.values.front();
  bool is_usable = macros.size() <= spf_record_bytes_max && is_ascii(macros) &&
                   is_spf_macro_string(macros, SpfMacroUse::Explanation);
  if (!is_usable) co_return std::string();
  if (needs_validated_name(macros)) {
    co_await find_names();
    choose_name(domain);
  }
  values_.domain = domain;
  co_return printable(expand_spf_macros(macros, values_), spf_explanation_max);
}

}  // namespace

Task<SpfResult> check_spf(Loop& loop, Resolver& resolver, SpfRequest request, Duration time_max) {
  SpfResult result;
  auto at = request.sender.rfind('@');
  std::string domain = request.helo;
  std::string local = "postmaster";
  if (!request.sender.empty()) {
    // Section 4.3: a sender without a local part is postmaster's.
    if (at != std::string::npos && at > 0) local = request.sender.substr(0, at);
    domain = at == std::string::npos ? request.sender : request.sender.substr(at + 1);
  }
  result.domain = domain;
  auto checked = checked_domain(domain);
  if (!checked) {
    result.reason = "not a domain with an SPF record: " + printable(domain, 255);
    co_return result;
  }
  SpfMacroValues values{.local = local,
                        .sender_domain = *checked,
                        .domain = *checked,
                        .client = request.client,
                        .helo = request.helo,
                        .receiver = request.receiver,
                        .now_seconds = request.now_seconds};
  SpfCheck check(resolver, std::move(request), std::move(values));
  auto checking = check.run(*checked);
  auto done = co_await within(loop, time_max, std::move(checking));
  result =
      done ? *std::move(done) : failed(*checked, Error::temporary("no answer from DNS in time"));
  result.domain = *std::move(checked);
  co_return result;
}

}  // namespace pennypost
