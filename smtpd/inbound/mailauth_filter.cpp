#include "smtpd/inbound/mailauth_filter.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {

Task<FilterAnswer> MailAuthFilter::mail(const CheckRecipient& about) {
  check_.reset();
  is_user_ = about.is_authenticated;
  auto address = IpAddress::parse(about.client_address);
  is_exempt_ = !is_user_ && address && context_.is_exempt_from_authentication(*address);
  if (is_exempt_) co_return FilterAnswer();
  client_.address = about.client_address;
  client_.name = about.client_name;
  client_.reverse_name = about.reverse_name;
  client_.is_name_lookup_failed = about.is_name_lookup_failed;
  client_.helo = about.helo;
  client_.sender = about.sender;
  co_return FilterAnswer();
}

Task<FilterAnswer> MailAuthFilter::header(FilteredMessage& message) {
  if (is_user_) co_return FilterAnswer();
  const auto& process = context_.process();
  check_.emplace(context_.loop(), *process.resolver, context_.settings(), client_,
                 process.clock->now_seconds());
  check_->begin(std::string(message.own_header()));
  co_return FilterAnswer();
}

Task<FilterAnswer> MailAuthFilter::body(std::string_view piece) {
  if (check_) check_->feed(piece);
  co_return FilterAnswer();
}

Task<FilterAnswer> MailAuthFilter::end(FilteredMessage& message) {
  auto edits = removed(message);
  if (!check_) {
    message.edit_header(edits);
    co_return FilterAnswer();
  }
  co_await check_->finish();
  log_authentication(message.log_line(), check_->summary());
  if (context_.settings().dmarc_reports) {
    if (auto evaluation = check_->evaluation()) context_.backend().note(*evaluation);
  }
  auto field = auth_results_field(context_.settings().authserv_id, check_->methods());
  std::erase(field, '\r');
  edits.insert(edits.begin(), Edit{0, 0, std::move(field)});
  message.edit_header(edits);
  auto answer = obey(check_->verdict(), message);
  check_.reset();
  co_return std::move(answer);
}

/// The edits that remove the fields which bear our name.
std::vector<Edit> MailAuthFilter::removed(const FilteredMessage& message) const {
  return remove_auth_results(message.header(), {context_.settings().authserv_id});
}

FilterAnswer MailAuthFilter::obey(const AuthVerdict& verdict, FilteredMessage& message) const {
  LogTransaction line = message.log_line();
  line.stage = "END-OF-MESSAGE";
  if (verdict.action == AuthAction::Quarantine) {
    log_decision("quarantine", line, verdict.reason);
    message.mark_as_junk();
  }
  if (verdict.action != AuthAction::Reject) return FilterAnswer();
  Reply reply(550, verdict.status, "Message rejected by " + verdict.reason);
  Reply shown = reply;
  if (context_.settings().soft_bounce) shown.soften();
  log_decision("reject", line, shown.summary());
  return FilterAnswer(std::move(reply));
}

}  // namespace pennypost::smtp
