// Looks up clients, names and addresses in access tables and carries out their actions (access(5)).

#include "common/base/words.h"
#include "common/mail/header.h"
#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

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
  bool is_sender = subject == Subject::Sender;
  bool is_recipient = subject == Subject::Recipient;
  auto status = [&](const char* otherwise) {
    return fitting_status(action.status.empty() ? otherwise : action.status, is_sender,
                          is_recipient);
  };
  auto text = [&](const char* otherwise) {
    return about(subject) + (action.text.empty() ? otherwise : action.text);
  };
  int defer_code = static_cast<int>(settings_.access_map_defer_code);
  switch (action.kind) {
    case Kind::Ok:
      return Answer::Permit;
    case Kind::Relay:
      // A client may claim any sender or HELO name, so these can't permit relaying.
      if (subject == Subject::Client || is_recipient) verdict_.may_relay = true;
      return Answer::Permit;
    case Kind::Dunno:
      return Answer::Undecided;
    case Kind::Reject: {
      int code =
          action.code != 0 ? action.code : static_cast<int>(settings_.access_map_reject_code);
      return refuse(code, status("5.7.1"), text("Access denied"));
    }
    case Kind::Defer:
      return refuse(defer_code, status("4.7.1"), text("Access denied"));
    case Kind::DeferIfPermit:
      return refuse_later("defer_if_permit", defer_code, status("4.7.1"),
                          text("Service unavailable"));
    case Kind::DeferIfReject:
      if (defer_if_reject_.code == 0) {
        defer_if_reject_ = {static_cast<std::uint16_t>(defer_code), status("4.7.1"),
                            text("Service unavailable")};
      }
      return Answer::Undecided;
    case Kind::Restrictions:
      return act_by_list(subject, action);
    default:
      return act_on_message(subject, action);
  }
}

/// What says nothing about the client, but what becomes of its message.
Answer Evaluation::act_on_message(Subject subject, const AccessAction& action) {
  using Kind = AccessAction::Kind;
  auto words = words_of(subject);
  std::string who = "<" + words.name + ">: " + std::string(words.kind) + " ";
  bool is_address =
      MailAddress::parse(action.text, Utf8::Allowed) && action.text.find('@') != std::string::npos;
  switch (action.kind) {
    case Kind::Discard:
      note("discard", who + (action.text.empty() ? "triggers DISCARD action" : action.text));
      verdict_.discard = true;
      return Answer::Permit;
    case Kind::Hold:
      if (!verdict_.hold) {
        note("hold", who + (action.text.empty() ? "triggers HOLD action" : action.text));
      }
      verdict_.hold = true;
      break;
    case Kind::Warn:
      note("warn", action.text);
      break;
    case Kind::Info:
      note("info", action.text);
      break;
    case Kind::Prepend:
      if (is_field_name(std::string_view(action.text).substr(0, action.text.find(':'))) &&
          action.text.find(':') != std::string::npos) {
        verdict_.prepend.push_back(action.text);
      } else {
        note("",
             std::string(source_) + " says PREPEND " + action.text + "; write PREPEND Name: text");
      }
      break;
    case Kind::Bcc:
    case Kind::Redirect: {
      bool is_bcc = action.kind == Kind::Bcc;
      std::string name = is_bcc ? "BCC" : "REDIRECT";
      if (!is_address) {
        note("", std::string(source_) + " says " + name + " " + action.text + "; write " + name +
                     " user@example.com");
        break;
      }
      note(is_bcc ? "bcc" : "redirect", who + "triggers " + name + " " + action.text);
      if (is_bcc) verdict_.bcc.push_back(action.text);
      if (!is_bcc) verdict_.redirect = action.text;
      break;
    }
    case Kind::Filter:
      if (!is_filter_text(action.text)) {
        note("", std::string(source_) + " says FILTER " + action.text +
                     "; write FILTER transport:destination");
        break;
      }
      note("filter", who + "triggers FILTER " + action.text);
      verdict_.filter = action.text;
      break;
    default:
      break;
  }
  return Answer::Undecided;
}

Answer Evaluation::act_by_list(Subject subject, const AccessAction& action) {
  auto restrictions = kinds::Restrictions::parse(action.text, kinds::any);
  if (!restrictions) {
    return misconfigured(std::string(source_) + " says " + action.text + ": " +
                         restrictions.error().text());
  }
  Subject outer = std::exchange(subject_, subject);
  Answer answer = nested(*restrictions);
  subject_ = outer;
  return answer;
}

/// A table without a restriction's name is checked for the subject of the list.
Answer Evaluation::check_access(const Restriction& restriction) {
  switch (list_) {
    case Subject::Client:
      return check_client_access(restriction);
    case Subject::Helo:
      return check_helo_access(restriction);
    case Subject::Sender:
      return check_sender_access(restriction);
    case Subject::Recipient:
      return check_recipient_access(restriction);
    case Subject::Etrn:
      return check_etrn_access(restriction);
    default:
      return misconfigured("which check_..._access is meant by " + restriction.argument + "?");
  }
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

/// Who runs the reverse zone of an address may write any name into it: no ground to permit.
Answer Evaluation::check_reverse_client_hostname_access(const Restriction& restriction) {
  std::vector<store::LookupKey> keys;
  if (request_.reverse_name != "unknown") {
    keys = store::access_keys_of_host(request_.reverse_name, parents());
  }
  auto networks = network_keys(request_.client_address);
  keys.insert(keys.end(), networks.begin(), networks.end());
  Answer answer = access(Subject::ReverseClient, restriction, keys);
  return no_permission(restriction, request_.reverse_name, answer);
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

Answer Evaluation::check_etrn_access(const Restriction& restriction) {
  auto keys = store::access_keys_of_host(request_.etrn_domain, parents());
  return access(Subject::Etrn, restriction, keys);
}

/// Fingerprints as they are, without parts.
Answer Evaluation::check_ccert_access(const Restriction& restriction) {
  if (!request_.certificate) return Answer::Undecided;
  std::vector<store::LookupKey> keys(2);
  keys[0].text = lower(request_.certificate->fingerprint);
  keys[1].text = lower(request_.certificate->key_fingerprint);
  for (auto& key : keys) key.kind = store::MapList::Key::Whole;
  return access(Subject::Certificate, restriction, keys);
}

Answer Evaluation::check_sasl_access(const Restriction& restriction) {
  if (request_.sasl_username.empty()) return Answer::Undecided;
  store::LookupKey key;
  key.text = request_.sasl_username;
  key.kind = store::MapList::Key::Whole;
  return access(Subject::Login, restriction, {key});
}

std::vector<store::LookupKey> Evaluation::mail_keys(const std::string& text) const {
  auto address = completed(text);
  std::string domain = address.domain() ? address.domain()->key() : "";
  return store::access_keys_of_mail(address.local(), domain, settings_.recipient_delimiter,
                                    parents(), settings_.smtpd_null_access_lookup_key);
}

}  // namespace pennypost::smtp
