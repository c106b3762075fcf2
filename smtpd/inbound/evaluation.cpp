// What a domain is told about one message in its next DMARC report.
#include "common/base/text.h"
#include "smtpd/inbound/authentication.h"

namespace pennypost::smtp {
namespace {

/// The words of RFC 7489 appendix C.
std::string_view name_of_action(AuthAction action) {
  if (action == AuthAction::Reject) return "reject";
  return action == AuthAction::Quarantine ? "quarantine" : "none";
}

std::string domain_of(std::string_view address) {
  return lower(address.substr(address.rfind('@') + 1));
}

}  // namespace

/// RFC 7489 appendix C: PolicyOverrideType.
std::vector<DmarcReportRow::Reason> Authentication::reasons_not_obeyed() const {
  std::vector<DmarcReportRow::Reason> reasons;
  if (dmarc_->status != DmarcStatus::Fail) return reasons;
  if (is_vouched_for_) {
    reasons.push_back({"trusted_forwarder", "a trusted ARC sealer has seen it pass"});
    return reasons;
  }
  if (dmarc_->requested != dmarc_->policy) reasons.push_back({"sampled_out", ""});
  if (name_of_action(verdict_.action) != name_of(dmarc_->requested)) {
    reasons.push_back({"local_policy", ""});
  }
  return reasons;
}

std::optional<NoteEvaluation> Authentication::evaluation() const {
  bool is_decided = dmarc_ && dmarc_->record &&
                    (dmarc_->status == DmarcStatus::Pass || dmarc_->status == DmarcStatus::Fail);
  if (!is_decided || dmarc_->record->aggregate_uris.empty()) return {};
  NoteEvaluation note;
  note.policy = DmarcReportPolicy::of(dmarc_->record_domain, *dmarc_->record);
  auto& row = note.row;
  row.source_ip = client_.address;
  row.disposition = name_of_action(verdict_.action);
  row.dkim_aligned = dmarc_->dkim_aligned;
  row.spf_aligned = dmarc_->spf_aligned;
  row.reasons = reasons_not_obeyed();
  row.header_from = dmarc_->author_domain;
  if (!client_.sender.empty()) row.envelope_from = domain_of(client_.sender);
  for (const auto& one : dkim_) {
    if (one.domain.empty()) continue;
    row.dkim.push_back({one.domain, one.selector, std::string(name_of(one.status))});
  }
  if (spf_) {
    std::string scope = client_.sender.empty() ? "helo" : "mfrom";
    row.spf.push_back({spf_->domain, std::move(scope), std::string(name_of(spf_->status))});
  }
  return note;
}

}  // namespace pennypost::smtp
