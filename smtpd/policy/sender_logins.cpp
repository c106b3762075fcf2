// Evaluates which login may use which sender.
//
// smtpd_sender_login_maps say whose a sender is. Where they are unset it is the account's to which
// its mail goes, over aliases to one address as well: whoever gets the answers owns the address.
// What leads to several accounts, to a program, or away from this host is nobody's.

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

Result<std::optional<bool>> Evaluation::owns_sender() {
  if (settings_.smtpd_sender_login_maps.empty()) return owns_sender_by_account();
  auto keys = mail_keys(request_.sender);
  auto user = folded_address(request_.sasl_username);
  for (const TableRef& table : settings_.smtpd_sender_login_maps) {
    for (const store::LookupKey& found : keys) {
      // As in Postfix: `@domain` here, not `domain`.
      bool is_domain = found.text.find('@') == std::string::npos;
      std::string key = is_domain ? "@" + found.text : found.text;
      TRY(auto value, tables_.find(table, key, found.kind));
      if (!value) continue;
      bool is_owner = std::ranges::any_of(words(*value), [&](std::string_view login) {
        return !user.empty() && folded_address(login) == user;
      });
      return std::optional<bool>(is_owner);
    }
  }
  return std::optional<bool>();
}

/// Own users log in as user@domain, of $auth_realm where they leave the domain out; users of the
/// system by their name.
Result<std::optional<bool>> Evaluation::owns_sender_by_account() {
  auto address = completed(request_.sender);
  if (!address.domain() || hides_destination(address)) return std::optional<bool>();
  TRY(auto account, tables_.account_of(address));
  if (!account) return std::optional<bool>();
  std::string login = folded_address(request_.sasl_username);
  if (login.empty()) return std::optional<bool>(false);
  std::string owner = folded_address(*account);
  bool is_bare = login.find('@') == std::string::npos;
  bool is_owner = login == owner || (is_bare && login + "@" + lower(settings_.auth_realm) == owner);
  return std::optional<bool>(is_owner);
}

Answer Evaluation::not_owned(bool may_be_nobodys) {
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  bool is_good = owns->has_value() ? **owns : may_be_nobodys;
  if (is_good) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not owned by user " + request_.sasl_username);
}

Answer Evaluation::not_logged_in() {
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  if (!owns->has_value()) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not logged in");
}

Answer Evaluation::reject_authenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || !request_.is_authenticated) return Answer::Undecided;
  return not_owned(false);
}

Answer Evaluation::reject_unauthenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || request_.is_authenticated) return Answer::Undecided;
  return not_logged_in();
}

Answer Evaluation::reject_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty()) return Answer::Undecided;
  return request_.is_authenticated ? not_owned(false) : not_logged_in();
}

Answer Evaluation::reject_known_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty()) return Answer::Undecided;
  return request_.is_authenticated ? not_owned(true) : not_logged_in();
}

}  // namespace pennypost::smtp
