// Looks up clients, names and addresses in access tables and carries out their actions (access(5)).

#include "common/base/words.h"
#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {
namespace {

constexpr int access_depth_max = 4;  // of tables whose action is a list that names tables

}  // namespace

store::Parents Evaluation::parents() const {
  bool are_plain = holds(settings_.parent_domain_matches_subdomains, "smtpd_access_maps");
  return are_plain ? store::Parents::Plain : store::Parents::Dotted;
}

/// In tables of patterns only whole names and addresses are looked up.
Answer Evaluation::access(Subject subject, const Restriction& restriction,
                          const std::vector<store::LookupKey>& keys) {
  auto table = TableRef::parse(restriction.argument);
  if (!table) return look_up_failed(subject);
  for (const store::LookupKey& key : keys) {
    auto value = tables_.find(*table, key.text, key.kind);
    if (!value) return look_up_failed(subject);
    if (*value) return act(subject, **value);
  }
  return Answer::Undecided;
}

Answer Evaluation::act(Subject subject, const std::string& value) {
  using Kind = AccessAction::Kind;
  auto action = parse_access_action(value);
  auto or_else = [](const std::string& text, const char* otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  switch (action.kind) {
    case Kind::Ok:
      return Answer::Permit;
    case Kind::Relay:
      // A client may claim any sender or HELO name, so these can't permit relaying.
      if (subject == Subject::Client || subject == Subject::Recipient) verdict_.may_relay = true;
      return Answer::Permit;
    case Kind::Dunno:
      return Answer::Undecided;
    case Kind::Reject: {
      int code = action.code == 0 ? 554 : action.code;
      const char* status = code < 500 ? "4.7.1" : "5.7.1";
      return refuse_about(subject, code, or_else(action.status, status),
                          or_else(action.text, "Access denied"));
    }
    case Kind::Defer:
      return refuse_about(subject, 450, or_else(action.status, "4.7.1"),
                          or_else(action.text, "Access denied"));
    case Kind::DeferIfPermit:
      if (!warn_only_) defer_if_permit_ = about(subject) + or_else(action.text, "Access denied");
      return Answer::Undecided;
    case Kind::DeferIfReject:
      if (!warn_only_) defer_if_reject_ = about(subject) + or_else(action.text, "Access denied");
      return Answer::Undecided;
    case Kind::Discard:
      verdict_.discard = true;
      return Answer::Permit;
    case Kind::Hold:
      verdict_.hold = true;
      return Answer::Undecided;
    case Kind::Warn:
      verdict_.warnings.push_back({0, "", about(subject) + action.text});
      return Answer::Undecided;
    case Kind::Prepend:
      verdict_.prepend.push_back(action.text);
      return Answer::Undecided;
    case Kind::Restrictions: {
      auto list = kinds::Restrictions::parse(action.text, kinds::any);
      if (list && depth_ < access_depth_max) {
        ++depth_;
        Answer answer = items(*list);
        --depth_;
        return answer;
      }
      break;
    }
    case Kind::Unknown:
      break;
  }
  verdict_.warnings.push_back({0, "", "unknown action in an access table: " + value});
  return refuse(451, "4.3.5", about(subject) + "Server configuration error");
}

/// A table without a restriction's name is checked for the subject of the list.
Answer Evaluation::check_access(const Restriction& restriction) {
  switch (subject_) {
    case Subject::Client:
      return check_client_access(restriction);
    case Subject::Helo:
      if (!is_known(Stage::Helo)) return Answer::Undecided;
      return check_helo_access(restriction);
    case Subject::Sender:
      return check_sender_access(restriction);
    case Subject::Recipient:
    case Subject::Data:
    case Subject::EndOfData:
      break;
  }
  if (!is_known(Stage::Recipient)) return Answer::Undecided;
  return check_recipient_access(restriction);
}

Answer Evaluation::check_client_access(const Restriction& restriction) {
  std::vector<store::LookupKey> keys;
  if (request_.client_name != "unknown") {
    keys = store::access_keys_of_host(request_.client_name, parents());
  }
  auto networks = network_keys(request_.client_address);
  keys.insert(keys.end(), networks.begin(), networks.end());
  return access(Subject::Client, restriction, keys);
}

Answer Evaluation::check_helo_access(const Restriction& restriction) {
  auto keys = store::access_keys_of_host(request_.helo, parents());
  return access(Subject::Helo, restriction, keys);
}

Answer Evaluation::check_sender_access(const Restriction& restriction) {
  auto keys = mail_keys(request_.sender);
  return access(Subject::Sender, restriction, keys);
}

Answer Evaluation::check_recipient_access(const Restriction& restriction) {
  auto keys = mail_keys(request_.recipient);
  return access(Subject::Recipient, restriction, keys);
}

Answer Evaluation::check_sasl_access(const Restriction& restriction) {
  if (request_.sasl_username.empty()) return Answer::Undecided;
  store::LookupKey key;
  key.text = request_.sasl_username;
  key.kind = store::MapList::Key::Whole;
  return access(Subject::Client, restriction, {key});
}

std::vector<store::LookupKey> Evaluation::mail_keys(const std::string& text) const {
  auto address = completed(text);
  std::string domain = address.domain() ? address.domain()->key() : "";
  return store::access_keys_of_mail(address.local(), domain, settings_.recipient_delimiter,
                                    parents());
}

}  // namespace pennypost::smtp
