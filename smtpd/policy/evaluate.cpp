#include "smtpd/policy/evaluate.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/net/address.h"
#include "smtpd/policy/access.h"

namespace pennypost::smtp {
namespace {

constexpr int access_depth_max = 4;  // tables whose action is a list that asks tables

/// What a refusal is about: its first words.
enum class Subject { Client, Helo, Sender, Recipient, Data, EndOfData };

/// What one item or list says.
enum class Answer { Undecided, Permit, Refuse };

class Evaluation {
 public:
  Evaluation(const CheckRecipient& request, const Settings& settings, PolicyTables& tables)
      : request_(request), settings_(settings), tables_(tables) {
    verdict_.status = "2.1.5";
    verdict_.text = "Ok";
    verdict_.may_relay = request.may_relay;
  }

  Verdict recipient();
  Verdict restrictions(std::string_view parameter);

 private:
  using Item = Answer (Evaluation::*)(const Restriction&);
  struct Row {
    std::string_view name;
    Item item;
  };
  static const Row* find_row(std::string_view name);

  Answer list(Subject subject, const std::vector<Restriction>& restrictions);
  Answer items(const std::vector<Restriction>& restrictions);
  Verdict finish(Answer answer);

  // Refusals. `text` follows the subject: `<bob@example.org>: Recipient address rejected: text`.
  Answer refuse(int code, std::string_view status, std::string text);
  Answer refuse_about(Subject subject, int code, std::string_view status, std::string_view text);
  Answer look_up_failed(Subject subject);
  std::string about(Subject subject) const;

  // The items, in the order of their names.
  Answer check_access(const Restriction& restriction);
  Answer check_client_access(const Restriction& restriction);
  Answer check_helo_access(const Restriction& restriction);
  Answer check_recipient_access(const Restriction& restriction);
  Answer check_sasl_access(const Restriction& restriction);
  Answer check_sender_access(const Restriction& restriction);
  Answer defer(const Restriction& restriction);
  Answer defer_if_permit(const Restriction& restriction);
  Answer defer_if_reject(const Restriction& restriction);
  Answer defer_unauth_destination(const Restriction& restriction);
  Answer permit(const Restriction& restriction);
  Answer permit_auth_destination(const Restriction& restriction);
  Answer permit_inet_interfaces(const Restriction& restriction);
  Answer permit_mynetworks(const Restriction& restriction);
  Answer permit_sasl_authenticated(const Restriction& restriction);
  Answer reject(const Restriction& restriction);
  Answer reject_authenticated_sender_login_mismatch(const Restriction& restriction);
  Answer reject_invalid_helo_hostname(const Restriction& restriction);
  Answer reject_multi_recipient_bounce(const Restriction& restriction);
  Answer reject_non_fqdn_helo_hostname(const Restriction& restriction);
  Answer reject_non_fqdn_recipient(const Restriction& restriction);
  Answer reject_non_fqdn_sender(const Restriction& restriction);
  Answer reject_plaintext_session(const Restriction& restriction);
  Answer reject_rbl_client(const Restriction& restriction);
  Answer reject_rhsbl_client(const Restriction& restriction);
  Answer reject_rhsbl_helo(const Restriction& restriction);
  Answer reject_rhsbl_sender(const Restriction& restriction);
  Answer reject_sender_login_mismatch(const Restriction& restriction);
  Answer reject_unauth_destination(const Restriction& restriction);
  Answer reject_unauth_pipelining(const Restriction& restriction);
  Answer reject_unauthenticated_sender_login_mismatch(const Restriction& restriction);
  Answer reject_unknown_client_hostname(const Restriction& restriction);
  Answer reject_unknown_helo_hostname(const Restriction& restriction);
  Answer reject_unknown_recipient_domain(const Restriction& restriction);
  Answer reject_unknown_reverse_client_hostname(const Restriction& restriction);
  Answer reject_unknown_sender_domain(const Restriction& restriction);
  Answer reject_unlisted_recipient(const Restriction& restriction);
  Answer reject_unlisted_sender(const Restriction& restriction);

  // What the items are made of.
  enum class Destination { Ours, Foreign, Unknown };
  Destination destination();
  bool hides_destination(const MailAddress& address) const;
  Answer access(Subject subject, const Restriction& restriction,
                const std::vector<std::string>& keys);
  Answer act(Subject subject, const std::string& value);
  Answer unlisted(Subject subject, const std::string& text);
  Answer unknown_domain(Subject subject, const std::string& text);
  Answer non_fqdn_address(Subject subject, const std::string& text);
  Answer block_list(std::string_view name, const std::string& zone, const std::string& shown);
  /// Nothing when the sender is in no table; else whether this login may use it.
  Result<std::optional<bool>> owns_sender();
  bool parents_match() const;

  const CheckRecipient& request_;
  const Settings& settings_;
  PolicyTables& tables_;
  Verdict verdict_;
  Subject subject_ = Subject::Recipient;
  int depth_ = 0;
  bool warn_only_ = false;  // the next refusal is a log line: warn_if_reject
  std::string defer_if_permit_;
  std::string defer_if_reject_;
};

MailAddress parsed(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  return address ? *std::move(address) : MailAddress();
}

bool is_fqdn(const Domain& domain) {
  return domain.is_literal() || domain.text().find('.') != std::string::npos;
}

std::string client_text(const CheckRecipient& request) {
  return request.client_name + "[" + request.client_address + "]";
}

/// 5xx as 4xx, in the code and in the enhanced status code.
void soften(Verdict& verdict) {
  if (verdict.code < 500) return;
  verdict.code = 450;
  if (verdict.status.starts_with('5')) verdict.status.front() = '4';
}

Verdict Evaluation::recipient() {
  Answer answer = Answer::Undecided;
  if (settings_.smtpd_delay_reject) {
    answer = list(Subject::Client, settings_.smtpd_client_restrictions);
    if (answer != Answer::Refuse) answer = list(Subject::Helo, settings_.smtpd_helo_restrictions);
    if (answer != Answer::Refuse) {
      answer = list(Subject::Sender, settings_.smtpd_sender_restrictions);
    }
  }
  if (answer != Answer::Refuse) {
    answer = list(Subject::Recipient, settings_.smtpd_relay_restrictions);
  }
  bool is_relaying_decided = answer != Answer::Undecided;
  if (answer != Answer::Refuse) {
    answer = list(Subject::Recipient, settings_.smtpd_recipient_restrictions);
    is_relaying_decided |= answer != Answer::Undecided;
  }
  subject_ = Subject::Recipient;
  // Lists that never come to the question are no licence to relay.
  if (!is_relaying_decided) answer = reject_unauth_destination({});
  if (answer != Answer::Refuse && settings_.smtpd_reject_unlisted_recipient) {
    answer = unlisted(Subject::Recipient, request_.recipient);
  }
  if (answer != Answer::Refuse && settings_.smtpd_reject_unlisted_sender) {
    answer = unlisted(Subject::Sender, request_.sender);
  }
  return finish(answer);
}

Verdict Evaluation::restrictions(std::string_view parameter) {
  if (parameter == "smtpd_client_restrictions") {
    return finish(list(Subject::Client, settings_.smtpd_client_restrictions));
  }
  if (parameter == "smtpd_helo_restrictions") {
    return finish(list(Subject::Helo, settings_.smtpd_helo_restrictions));
  }
  if (parameter == "smtpd_sender_restrictions") {
    return finish(list(Subject::Sender, settings_.smtpd_sender_restrictions));
  }
  if (parameter == "smtpd_data_restrictions") {
    return finish(list(Subject::Data, settings_.smtpd_data_restrictions));
  }
  ASSERT(parameter == "smtpd_end_of_data_restrictions");
  return finish(list(Subject::EndOfData, settings_.smtpd_end_of_data_restrictions));
}

Verdict Evaluation::finish(Answer answer) {
  if (answer == Answer::Refuse && !defer_if_reject_.empty() && verdict_.code >= 500) {
    refuse(450, "4.7.1", defer_if_reject_);
  }
  if (answer != Answer::Refuse && !defer_if_permit_.empty()) {
    refuse(450, "4.7.1", defer_if_permit_);
  }
  if (settings_.soft_bounce) soften(verdict_);
  return std::move(verdict_);
}

Answer Evaluation::list(Subject subject, const std::vector<Restriction>& restrictions) {
  subject_ = subject;
  return items(restrictions);
}

Answer Evaluation::items(const std::vector<Restriction>& restrictions) {
  bool warn_next = false;
  for (const Restriction& restriction : restrictions) {
    if (restriction.name == "warn_if_reject") {
      warn_next = true;
      continue;
    }
    const Row* row = find_row(restriction.name);
    ASSERT(row != nullptr);
    bool outer = std::exchange(warn_only_, warn_only_ || warn_next);
    Answer answer = (this->*row->item)(restriction);
    warn_only_ = outer;
    warn_next = false;
    if (answer != Answer::Undecided) return answer;
  }
  return Answer::Undecided;
}

std::string Evaluation::about(Subject subject) const {
  switch (subject) {
    case Subject::Client:
      return "<" + client_text(request_) + ">: Client host rejected: ";
    case Subject::Helo:
      return "<" + request_.helo + ">: Helo command rejected: ";
    case Subject::Sender:
      return "<" + request_.sender + ">: Sender address rejected: ";
    case Subject::Recipient:
      return "<" + request_.recipient + ">: Recipient address rejected: ";
    case Subject::Data:
      return "<DATA>: Data command rejected: ";
    case Subject::EndOfData:
      return "<END-OF-MESSAGE>: End-of-data rejected: ";
  }
  return {};
}

Answer Evaluation::refuse(int code, std::string_view status, std::string text) {
  if (warn_only_) {
    verdict_.warnings.push_back(std::to_string(code) + " " + std::string(status) + " " + text);
    return Answer::Undecided;
  }
  verdict_.code = static_cast<std::uint16_t>(code);
  verdict_.status = status;
  verdict_.text = std::move(text);
  return Answer::Refuse;
}

Answer Evaluation::refuse_about(Subject subject, int code, std::string_view status,
                                std::string_view text) {
  return refuse(code, status, about(subject) + std::string(text));
}

/// Never a permanent refusal, and never hidden by warn_if_reject: a table that can't be read says
/// nothing about anybody.
Answer Evaluation::look_up_failed(Subject subject) {
  bool outer = std::exchange(warn_only_, false);
  Answer answer = refuse_about(subject, 451, "4.3.0", "Temporary lookup failure");
  warn_only_ = outer;
  return answer;
}

// The relay decision.

bool Evaluation::hides_destination(const MailAddress& address) const {
  auto route = address.hidden_route();
  if (!route) return false;
  if (route->kind == HiddenRoute::Kind::Bang) return settings_.swap_bangpath;
  if (route->kind == HiddenRoute::Kind::Percent) return settings_.allow_percent_hack;
  return true;
}

Evaluation::Destination Evaluation::destination() {
  auto address = parsed(request_.recipient);
  if (!address.domain() || hides_destination(address)) return Destination::Foreign;
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return Destination::Unknown;
  return *domain_class == DomainClass::Foreign ? Destination::Foreign : Destination::Ours;
}

Answer Evaluation::permit_auth_destination(const Restriction&) {
  switch (destination()) {
    case Destination::Ours:
      return Answer::Permit;
    case Destination::Foreign:
      return verdict_.may_relay ? Answer::Permit : Answer::Undecided;
    case Destination::Unknown:
      return look_up_failed(Subject::Recipient);
  }
  return Answer::Undecided;
}

Answer Evaluation::reject_unauth_destination(const Restriction&) {
  if (verdict_.may_relay) return Answer::Undecided;
  switch (destination()) {
    case Destination::Ours:
      return Answer::Undecided;
    case Destination::Foreign:
      return refuse(554, "5.7.1", "<" + request_.recipient + ">: Relay access denied");
    case Destination::Unknown:
      return look_up_failed(Subject::Recipient);
  }
  return Answer::Undecided;
}

Answer Evaluation::defer_unauth_destination(const Restriction& restriction) {
  Answer answer = reject_unauth_destination(restriction);
  if (answer == Answer::Refuse && verdict_.code == 554) {
    verdict_.code = 454;
    verdict_.status = "4.7.1";
  }
  return answer;
}

// Who may do anything.

Answer Evaluation::permit(const Restriction&) { return Answer::Permit; }

Answer Evaluation::permit_mynetworks(const Restriction&) {
  if (request_.is_in_mynetworks) return Answer::Permit;
  for (const std::string& item : settings_.mynetworks) {
    if (!TableRef::is_table(item)) continue;
    auto table = TableRef::parse(item);
    if (!table) continue;
    auto keys = network_keys(request_.client_address);
    if (is_pattern_table(table->type)) keys.resize(1);
    for (const std::string& key : keys) {
      auto value = tables_.find(*table, key);
      if (!value) return look_up_failed(Subject::Client);
      if (*value) return Answer::Permit;
    }
  }
  return Answer::Undecided;
}

Answer Evaluation::permit_inet_interfaces(const Restriction&) {
  return request_.is_own_address ? Answer::Permit : Answer::Undecided;
}

Answer Evaluation::permit_sasl_authenticated(const Restriction&) {
  return request_.is_authenticated ? Answer::Permit : Answer::Undecided;
}

Answer Evaluation::reject(const Restriction&) {
  return refuse_about(subject_, 554, "5.7.1", "Access denied");
}

Answer Evaluation::defer(const Restriction&) {
  return refuse_about(subject_, 450, "4.3.2", "Try again later");
}

Answer Evaluation::defer_if_permit(const Restriction&) {
  if (!warn_only_) defer_if_permit_ = about(subject_) + "Try again later";
  return Answer::Undecided;
}

Answer Evaluation::defer_if_reject(const Restriction&) {
  if (!warn_only_) defer_if_reject_ = about(subject_) + "Try again later";
  return Answer::Undecided;
}

// Access tables.

bool Evaluation::parents_match() const {
  return std::ranges::find(settings_.parent_domain_matches_subdomains, "smtpd_access_maps") !=
         settings_.parent_domain_matches_subdomains.end();
}

Answer Evaluation::access(Subject subject, const Restriction& restriction,
                          const std::vector<std::string>& keys) {
  auto table = TableRef::parse(restriction.argument);
  if (!table) return look_up_failed(subject);
  for (const std::string& key : keys) {
    auto value = tables_.find(*table, key);
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
      // A sender or HELO name is whatever the client says: no ground to relay on.
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
      verdict_.warnings.push_back(about(subject) + action.text);
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
  verdict_.warnings.push_back("unknown action in an access table: " + value);
  return refuse(451, "4.3.5", about(subject) + "Server configuration error");
}

/// A bare table in a list stands for the check of the list's own subject.
Answer Evaluation::check_access(const Restriction& restriction) {
  switch (subject_) {
    case Subject::Client:
      return check_client_access(restriction);
    case Subject::Helo:
      return check_helo_access(restriction);
    case Subject::Sender:
      return check_sender_access(restriction);
    case Subject::Recipient:
    case Subject::Data:
    case Subject::EndOfData:
      break;
  }
  return check_recipient_access(restriction);
}

Answer Evaluation::check_client_access(const Restriction& restriction) {
  auto table = TableRef::parse(restriction.argument);
  bool is_pattern = table && is_pattern_table(table->type);
  std::vector<std::string> keys;
  if (request_.client_name != "unknown") keys = domain_keys(request_.client_name, parents_match());
  if (is_pattern && !keys.empty()) keys.resize(1);
  auto networks = network_keys(request_.client_address);
  if (is_pattern && !networks.empty()) networks.resize(1);
  keys.insert(keys.end(), networks.begin(), networks.end());
  return access(Subject::Client, restriction, keys);
}

Answer Evaluation::check_helo_access(const Restriction& restriction) {
  if (request_.helo.empty()) return Answer::Undecided;
  auto keys = domain_keys(request_.helo, parents_match());
  return access(Subject::Helo, restriction, keys);
}

Answer Evaluation::check_sender_access(const Restriction& restriction) {
  auto keys =
      address_keys(parsed(request_.sender), "<>", settings_.recipient_delimiter, parents_match());
  return access(Subject::Sender, restriction, keys);
}

Answer Evaluation::check_recipient_access(const Restriction& restriction) {
  if (request_.recipient.empty()) return Answer::Undecided;
  auto keys = address_keys(parsed(request_.recipient), "<>", settings_.recipient_delimiter,
                           parents_match());
  return access(Subject::Recipient, restriction, keys);
}

Answer Evaluation::check_sasl_access(const Restriction& restriction) {
  if (request_.sasl_username.empty()) return Answer::Undecided;
  std::vector<std::string> keys{lower(request_.sasl_username)};
  return access(Subject::Client, restriction, keys);
}

// HELO.

Answer Evaluation::reject_invalid_helo_hostname(const Restriction&) {
  if (request_.helo.empty() || Domain::parse(request_.helo)) return Answer::Undecided;
  return refuse_about(Subject::Helo, 501, "5.5.2", "Invalid name");
}

Answer Evaluation::reject_non_fqdn_helo_hostname(const Restriction&) {
  if (request_.helo.empty()) return Answer::Undecided;
  auto name = Domain::parse(request_.helo);
  if (name && is_fqdn(*name)) return Answer::Undecided;
  return refuse_about(Subject::Helo, 504, "5.5.2", "need fully-qualified hostname");
}

Answer Evaluation::reject_unknown_helo_hostname(const Restriction&) {
  if (request_.helo.empty()) return Answer::Undecided;
  auto name = Domain::parse(request_.helo);
  if (name && name->is_literal()) return Answer::Undecided;
  if (!name) return refuse_about(Subject::Helo, 501, "5.5.2", "Invalid name");
  auto found = tables_.takes_mail(*name);
  if (!found) return look_up_failed(Subject::Helo);
  if (*found) return Answer::Undecided;
  return refuse_about(Subject::Helo, 450, "4.7.1", "Host not found");
}

// The client.

Answer Evaluation::reject_unknown_client_hostname(const Restriction&) {
  if (request_.client_name != "unknown") return Answer::Undecided;
  return refuse_about(Subject::Client, 450, "4.7.25",
                      "cannot find your hostname, [" + request_.client_address + "]");
}

Answer Evaluation::reject_unknown_reverse_client_hostname(const Restriction&) {
  if (request_.reverse_name != "unknown") return Answer::Undecided;
  return refuse_about(Subject::Client, 450, "4.7.25",
                      "cannot find your reverse hostname, [" + request_.client_address + "]");
}

Answer Evaluation::reject_plaintext_session(const Restriction&) {
  if (request_.is_encrypted) return Answer::Undecided;
  return refuse(450, "4.7.1", "Session encryption is required");
}

Answer Evaluation::reject_unauth_pipelining(const Restriction&) {
  if (!request_.is_pipelining_early) return Answer::Undecided;
  return refuse_about(subject_, 503, "5.5.0", "Improper use of SMTP command pipelining");
}

/// RFC 5782: the name under the zone exists when the subject is listed. A list that does not answer
/// lists nobody.
Answer Evaluation::block_list(std::string_view name, const std::string& zone,
                              const std::string& shown) {
  auto equals = zone.find('=');
  std::string domain = zone.substr(0, equals);
  auto addresses = tables_.ip4_addresses(std::string(name) + "." + domain);
  if (!addresses || addresses->empty()) return Answer::Undecided;
  if (equals != std::string::npos &&
      std::ranges::find(*addresses, zone.substr(equals + 1)) == addresses->end()) {
    return Answer::Undecided;
  }
  return refuse(554, "5.7.1", "Service unavailable; " + shown + " blocked using " + domain);
}

Answer Evaluation::reject_rbl_client(const Restriction& restriction) {
  auto address = IpAddress::parse(request_.client_address);
  if (!address) return Answer::Undecided;
  std::string reversed = address->reverse_name();
  for (std::string_view suffix : {".in-addr.arpa", ".ip6.arpa"}) {
    if (reversed.ends_with(suffix)) reversed.resize(reversed.size() - suffix.size());
  }
  return block_list(reversed, restriction.argument,
                    "Client host [" + request_.client_address + "]");
}

Answer Evaluation::reject_rhsbl_client(const Restriction& restriction) {
  if (request_.client_name == "unknown") return Answer::Undecided;
  return block_list(request_.client_name, restriction.argument,
                    "Client host [" + request_.client_name + "]");
}

Answer Evaluation::reject_rhsbl_helo(const Restriction& restriction) {
  auto name = Domain::parse(request_.helo);
  if (!name || name->is_literal()) return Answer::Undecided;
  return block_list(name->key(), restriction.argument, "Helo command [" + request_.helo + "]");
}

Answer Evaluation::reject_rhsbl_sender(const Restriction& restriction) {
  auto sender = parsed(request_.sender);
  if (!sender.domain() || sender.domain()->is_literal()) return Answer::Undecided;
  return block_list(sender.domain()->key(), restriction.argument,
                    "Sender address [" + request_.sender + "]");
}

// Sender and recipient.

Answer Evaluation::non_fqdn_address(Subject subject, const std::string& text) {
  auto address = parsed(text);
  bool is_postmaster = !address.domain() && equal_nocase(address.local(), "postmaster");
  if (address.is_null() || is_postmaster) return Answer::Undecided;
  if (address.domain() && is_fqdn(*address.domain())) return Answer::Undecided;
  return refuse_about(subject, 504, "5.5.2", "need fully-qualified address");
}

Answer Evaluation::reject_non_fqdn_sender(const Restriction&) {
  return non_fqdn_address(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_non_fqdn_recipient(const Restriction&) {
  return non_fqdn_address(Subject::Recipient, request_.recipient);
}

Answer Evaluation::unknown_domain(Subject subject, const std::string& text) {
  auto address = parsed(text);
  if (!address.domain() || address.domain()->is_literal()) return Answer::Undecided;
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return look_up_failed(subject);
  if (*domain_class != DomainClass::Foreign) return Answer::Undecided;
  auto found = tables_.takes_mail(*address.domain());
  if (!found) return look_up_failed(subject);
  if (*found) return Answer::Undecided;
  return refuse_about(subject, 450, subject == Subject::Sender ? "4.1.8" : "4.1.2",
                      "Domain not found");
}

Answer Evaluation::reject_unknown_sender_domain(const Restriction&) {
  return unknown_domain(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unknown_recipient_domain(const Restriction&) {
  return unknown_domain(Subject::Recipient, request_.recipient);
}

Answer Evaluation::unlisted(Subject subject, const std::string& text) {
  auto address = parsed(text);
  if (!address.domain() || hides_destination(address)) return Answer::Undecided;
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return look_up_failed(subject);
  if (*domain_class == DomainClass::Foreign) return Answer::Undecided;
  auto listed = tables_.is_listed(address);
  if (!listed) return look_up_failed(subject);
  if (*listed) return Answer::Undecided;
  std::string reason = "User unknown";
  if (settings_.show_user_unknown_table_name) {
    if (*domain_class == DomainClass::Local) reason += " in local recipient table";
    if (*domain_class == DomainClass::VirtualAlias) reason += " in virtual alias table";
    if (*domain_class == DomainClass::Relay) reason += " in relay recipient table";
  }
  int code = 550;
  if (*domain_class == DomainClass::Local &&
      settings_.unknown_local_recipient_reject_code == "450") {
    code = 450;
  }
  std::string status = code == 550 ? "5." : "4.";
  status += subject == Subject::Sender ? "1.0" : "1.1";
  return refuse_about(subject, code, status, reason);
}

Answer Evaluation::reject_unlisted_sender(const Restriction&) {
  return unlisted(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unlisted_recipient(const Restriction&) {
  return unlisted(Subject::Recipient, request_.recipient);
}

Answer Evaluation::reject_multi_recipient_bounce(const Restriction&) {
  if (!request_.sender.empty() || request_.recipients < 2) return Answer::Undecided;
  return refuse_about(subject_, 550, "5.5.3", "Multi-recipient bounce");
}

// Whose sender it is.

Result<std::optional<bool>> Evaluation::owns_sender() {
  auto keys = address_keys(parsed(request_.sender), "<>", settings_.recipient_delimiter, false);
  for (const TableRef& table : settings_.smtpd_sender_login_maps) {
    for (std::string& key : keys) {
      // As in Postfix: `@domain` here, not `domain`.
      if (key.find('@') == std::string::npos) key.insert(key.begin(), '@');
      TRY(auto value, tables_.find(table, key));
      if (!value) continue;
      for (std::string_view login : words(*value)) {
        if (!request_.sasl_username.empty() && equal_nocase(login, request_.sasl_username)) {
          return std::optional<bool>(true);
        }
      }
      return std::optional<bool>(false);
    }
  }
  return std::optional<bool>();
}

Answer Evaluation::reject_authenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || !request_.is_authenticated) return Answer::Undecided;
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  if (owns->has_value() && **owns) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not owned by user " + request_.sasl_username);
}

Answer Evaluation::reject_unauthenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || request_.is_authenticated) return Answer::Undecided;
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  if (!owns->has_value()) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not logged in");
}

Answer Evaluation::reject_sender_login_mismatch(const Restriction& restriction) {
  if (request_.is_authenticated) return reject_authenticated_sender_login_mismatch(restriction);
  return reject_unauthenticated_sender_login_mismatch(restriction);
}

const Evaluation::Row* Evaluation::find_row(std::string_view name) {
#define ROW(item) \
  Row { #item, &Evaluation::item }
  static constexpr std::array rows{
      ROW(check_access),
      ROW(check_client_access),
      ROW(check_helo_access),
      ROW(check_recipient_access),
      ROW(check_sasl_access),
      ROW(check_sender_access),
      ROW(defer),
      ROW(defer_if_permit),
      ROW(defer_if_reject),
      ROW(defer_unauth_destination),
      ROW(permit),
      ROW(permit_auth_destination),
      ROW(permit_inet_interfaces),
      ROW(permit_mynetworks),
      ROW(permit_sasl_authenticated),
      ROW(reject),
      ROW(reject_authenticated_sender_login_mismatch),
      ROW(reject_invalid_helo_hostname),
      ROW(reject_multi_recipient_bounce),
      ROW(reject_non_fqdn_helo_hostname),
      ROW(reject_non_fqdn_recipient),
      ROW(reject_non_fqdn_sender),
      ROW(reject_plaintext_session),
      ROW(reject_rbl_client),
      ROW(reject_rhsbl_client),
      ROW(reject_rhsbl_helo),
      ROW(reject_rhsbl_sender),
      ROW(reject_sender_login_mismatch),
      ROW(reject_unauth_destination),
      ROW(reject_unauth_pipelining),
      ROW(reject_unauthenticated_sender_login_mismatch),
      ROW(reject_unknown_client_hostname),
      ROW(reject_unknown_helo_hostname),
      ROW(reject_unknown_recipient_domain),
      ROW(reject_unknown_reverse_client_hostname),
      ROW(reject_unknown_sender_domain),
      ROW(reject_unlisted_recipient),
      ROW(reject_unlisted_sender),
  };
#undef ROW
  static_assert(std::ranges::is_sorted(rows, {}, &Row::name), "find_row() searches by halves");
  auto found = std::ranges::lower_bound(rows, name, {}, &Row::name);
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

Verdict evaluate_recipient(const CheckRecipient& request, const Settings& settings,
                           PolicyTables& tables) {
  return Evaluation(request, settings, tables).recipient();
}

Verdict evaluate_restrictions(const CheckRestrictions& request, const Settings& settings,
                              PolicyTables& tables) {
  return Evaluation(request.about, settings, tables).restrictions(request.parameter);
}

}  // namespace pennypost::smtp
