#include "smtpd/inbound/authentication.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/crypto/random.h"
#include "common/mailauth/auth_results_parser.h"

namespace pennypost::smtp {
namespace {

/// For pct= of a DMARC record.
int random_percent() {
  constexpr unsigned values = 65536 / 100 * 100;  // the numbers of two octets that are even-handed
  for (;;) {
    auto bytes = random_bytes(2);
    unsigned number =
        static_cast<unsigned char>(bytes[0]) * 256U + static_cast<unsigned char>(bytes[1]);
    if (number < values) return static_cast<int>(number % 100);
  }
}

AuthAction action_of(std::string_view setting) {
  if (setting == "reject") return AuthAction::Reject;
  return setting == "quarantine" ? AuthAction::Quarantine : AuthAction::None;
}

AuthAction action_of(DmarcPolicy policy) {
  if (policy == DmarcPolicy::Reject) return AuthAction::Reject;
  return policy == DmarcPolicy::Quarantine ? AuthAction::Quarantine : AuthAction::None;
}

/// What a method is about, for the log.
std::string subject_of(const AuthMethod& method) {
  for (const auto& one : method.properties) {
    bool is_domain = one.type == "header" && (one.name == "d" || one.name == "from");
    if (is_domain) return " (" + one.value + ")";
  }
  return "";
}

}  // namespace

Authentication::Authentication(Loop& loop, Resolver& resolver, const Settings& settings,
                               Client client, std::int64_t now_seconds)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      client_(std::move(client)),
      now_(now_seconds),
      asking_(loop) {
  // A sender without a domain is a name of the client's own; then the name in HELO is checked.
  if (client_.sender.find('@') == std::string::npos) client_.sender.clear();
}

/// What DMARC builds upon is found out for it, too.
bool Authentication::wants(std::string_view check) const {
  bool is_for_dmarc = check == "spf" || check == "dkim";
  return holds(settings_.mailauth_checks, check) ||
         (is_for_dmarc && holds(settings_.mailauth_checks, "dmarc"));
}

void Authentication::begin(std::string header) {
  header_ = std::move(header);
  if (wants("spf")) asking_.start(ask_spf());
  if (wants("dkim")) dkim_verifier_.emplace(header_, now_);
  if (wants("arc")) arc_verifier_.emplace(header_, now_);
}

void Authentication::feed(std::string_view body) {
  if (dkim_verifier_ && dkim_verifier_->needs_body()) dkim_verifier_->feed(body);
  if (arc_verifier_ && arc_verifier_->needs_body()) arc_verifier_->feed(body);
}

Task<> Authentication::finish() {
  if (dkim_verifier_) asking_.start(ask_dkim());
  if (arc_verifier_) asking_.start(ask_arc());
  co_await asking_.join();
  if (wants("dmarc")) {
    auto asking = ask_dmarc();
    co_await std::move(asking);
  }
  judge();
  gather();
}

Task<> Authentication::ask_spf() {
  SpfResult result;
  auto address = IpAddress::parse(client_.address);
  if (!address) {
    result.reason = "the client's address is not known";
    spf_ = std::move(result);
    co_return;
  }
  SpfRequest request{*address, client_.helo, client_.sender, settings_.myhostname, now_};
  auto checking = check_spf(loop_, resolver_, std::move(request), settings_.mailauth_timeout);
  spf_ = co_await std::move(checking);
}

Task<> Authentication::ask_dkim() {
  auto checking = dkim_verifier_->results(loop_, resolver_, settings_.mailauth_timeout);
  dkim_ = co_await std::move(checking);
}

Task<> Authentication::ask_arc() {
  auto checking = arc_verifier_->result(loop_, resolver_, settings_.mailauth_timeout);
  arc_ = co_await std::move(checking);
}

Task<> Authentication::ask_dmarc() {
  auto author = author_domain(header_);
  if (!author) {
    DmarcResult result;
    result.status = DmarcStatus::PermError;
    result.reason = author.error().text();
    dmarc_ = std::move(result);
    has_several_authors_ = shows_several_authors(header_);
    co_return;
  }
  DmarcRequest request;
  request.author_domain = *author;
  request.spf = spf_.value_or(SpfResult());
  request.dkim = dkim_;
  bool walks = settings_.dmarc_organizational_domain == "tree-walk";
  request.discovery = walks ? DmarcDiscovery::TreeWalk : DmarcDiscovery::SuffixList;
  request.sample = random_percent();
  auto checking = check_dmarc(loop_, resolver_, std::move(request), settings_.mailauth_timeout);
  dmarc_ = co_await std::move(checking);
  is_vouched_for_ = arc_ && is_vouched_for(*arc_, *author, settings_.arc_trusted_sealers);
}

/// RFC 8601 section 2.7.3.
AuthMethod Authentication::reverse_name() const {
  AuthMethod method;
  method.method = "iprev";
  method.result = "fail";
  if (client_.name != "unknown") {
    method.result = "pass";
  } else if (client_.is_name_lookup_failed) {
    method.result = "temperror";
  } else if (client_.reverse_name == "unknown") {
    method.result = "permerror";
  }
  method.properties.push_back({"policy", "iprev", client_.address});
  return method;
}

void Authentication::gather() {
  bool has_address = client_.address != "unknown";
  if (wants("iprev") && settings_.smtpd_peername_lookup && has_address) {
    methods_.push_back(reverse_name());
  }
  if (spf_) {
    methods_.push_back(auth_method(*spf_, client_.sender, client_.helo));
  }
  if (dkim_verifier_ && dkim_.empty()) methods_.push_back({"dkim", "none", "", {}});
  for (const auto& result : dkim_) methods_.push_back(auth_method(result));
  if (arc_) methods_.push_back(auth_method(*arc_));
  if (dmarc_) methods_.push_back(auth_method(*dmarc_));
  if (is_vouched_for_ && dmarc_->status == DmarcStatus::Fail) {
    methods_.back().reason = "a trusted ARC sealer has seen it pass";
  }
}

void Authentication::judge() {
  if (is_vouched_for_) return;
  auto limit = action_of(settings_.dmarc_policy_action);
  if (has_several_authors_) {
    verdict_.action = std::min(limit, AuthAction::Quarantine);
    verdict_.reason = "DMARC: the message shows authors of several domains";
  } else if (dmarc_ && dmarc_->status == DmarcStatus::Fail) {
    verdict_.action = std::min(limit, action_of(dmarc_->requested));
    verdict_.status = "5.7.1";
    verdict_.reason = printable("the DMARC policy of " + dmarc_->record_domain + ": neither SPF " +
                                "nor DKIM has passed for " + dmarc_->author_domain);
  }
  bool has_failed = spf_ && spf_->status == SpfStatus::Fail;
  bool has_passed = dmarc_ && dmarc_->status == DmarcStatus::Pass;
  auto action = action_of(settings_.spf_policy_action);
  if (!has_failed || has_passed || action <= verdict_.action) return;
  verdict_.action = action;
  verdict_.status = "5.7.23";
  std::string reason = "SPF: " + client_.address + " may not send mail of " + spf_->domain;
  if (!spf_->explanation.empty()) reason += "; its owner says: " + spf_->explanation;
  verdict_.reason = printable(reason);
}

std::string Authentication::summary() const {
  std::vector<std::string> words;
  for (const auto& method : methods_) {
    words.push_back(method.method + "=" + method.result + subject_of(method));
  }
  return join(words, " ");
}

}  // namespace pennypost::smtp
