#include "smtpd/policy/evaluate.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/net/address.h"
#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {
namespace {

std::string client_text(const CheckRecipient& request) {
  return request.client_name + "[" + request.client_address + "]";
}

}  // namespace

MailAddress parsed(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  return address ? *std::move(address) : MailAddress();
}

/// The address as it will be queued: with $myorigin if it has no domain.
MailAddress Evaluation::completed(const std::string& text) const {
  auto address = parsed(text);
  if (address.is_null() || address.domain()) return address;
  auto origin = Domain::parse(settings_.myorigin, Utf8::Allowed);
  return origin ? address.with_domain(*std::move(origin)) : address;
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
  // If no list has decided about relaying, it is not permitted.
  if (!is_relaying_decided) answer = reject_unauth_destination({});
  if (answer != Answer::Refuse && settings_.smtpd_reject_unlisted_recipient) {
    answer = unlisted(Subject::Recipient, request_.recipient);
  }
  if (answer != Answer::Refuse) answer = full_mailbox();
  if (answer != Answer::Refuse && settings_.smtpd_reject_unlisted_sender) {
    answer = unlisted(Subject::Sender, request_.sender);
  }
  return finish(answer);
}

Verdict Evaluation::restrictions(std::string_view parameter) {
  if (parameter == "smtpd_client_restrictions") {
    stage_ = Stage::Client;
    return finish(list(Subject::Client, settings_.smtpd_client_restrictions));
  }
  if (parameter == "smtpd_helo_restrictions") {
    stage_ = Stage::Helo;
    return finish(list(Subject::Helo, settings_.smtpd_helo_restrictions));
  }
  if (parameter == "smtpd_sender_restrictions") {
    stage_ = Stage::Sender;
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
  return std::move(verdict_);
}

Answer Evaluation::list(Subject subject, const std::vector<Restriction>& restrictions) {
  subject_ = subject;
  return items(restrictions);
}

Answer Evaluation::items(const std::vector<Restriction>& restrictions) {
  warn_next_ = false;
  for (const Restriction& restriction : restrictions) {
    const Row* row = find_row(restriction.name);
    ASSERT(row != nullptr);
    bool is_warning = std::exchange(warn_next_, false);
    if (!is_known(row->stage)) continue;
    bool outer = std::exchange(warn_only_, warn_only_ || is_warning);
    Answer answer = (this->*row->item)(restriction);
    warn_only_ = outer;
    if (answer != Answer::Undecided) return answer;
  }
  return Answer::Undecided;
}

/// Whether what a restriction of this stage checks is already known.
bool Evaluation::is_known(Stage stage) const {
  switch (stage) {
    case Stage::Client:
      return true;
    case Stage::Helo:
      return !request_.helo.empty();
    case Stage::Sender:
      return stage_ >= Stage::Sender;
    case Stage::Recipient:
      break;
  }
  // At DATA and the end of data there may be several recipients, so none is given.
  return stage_ == Stage::Recipient && (subject_ < Subject::Data || !request_.recipient.empty());
}

Answer Evaluation::warn_if_reject(const Restriction&) {
  warn_next_ = true;
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
    verdict_.warnings.push_back(
        {static_cast<std::uint16_t>(code), std::string(status), std::move(text)});
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

/// A temporary refusal, even under warn_if_reject, since a failed look-up tells nothing about the
/// client.
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
  // RFC 5321 section 4.5.1: `postmaster` without a domain is accepted from everybody.
  auto address = completed(request_.recipient);
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

/// A temporary refusal, since delivery would be deferred, too, and there may be room later.
Answer Evaluation::full_mailbox() {
  auto is_full = tables_.is_full(parsed(request_.recipient));
  // If this look-up fails, delivery will find out.
  if (!is_full || !*is_full) return Answer::Undecided;
  return refuse_about(Subject::Recipient, 452, "4.2.2", "Mailbox is full");
}

// Unconditional and client permits.

Answer Evaluation::permit(const Restriction&) { return Answer::Permit; }

/// The first item of mynetworks that matches the client decides, whether it is a network, a table,
/// or excluded with `!`. If there is no table, `receive` has checked it already.
Answer Evaluation::permit_mynetworks(const Restriction&) {
  if (request_.is_in_mynetworks) return Answer::Permit;
  auto is_table = [](std::string_view item) {
    return TableRef::is_table(item.substr(item.starts_with('!') ? 1 : 0));
  };
  if (std::ranges::none_of(settings_.mynetworks, is_table)) return Answer::Undecided;
  auto client = IpAddress::parse(request_.client_address);
  if (!client) return Answer::Undecided;
  for (std::string_view item : settings_.mynetworks) {
    bool is_excluded = item.starts_with('!');
    if (is_excluded) item.remove_prefix(1);
    auto network = Network::parse(item);
    bool holds = network && network->contains(*client);
    if (TableRef::is_table(item)) {
      auto found = is_in_table(item);
      if (!found) return look_up_failed(Subject::Client);
      holds = *found;
    }
    if (holds) return is_excluded ? Answer::Undecided : Answer::Permit;
  }
  return Answer::Undecided;
}

/// Whether a table of mynetworks has the client's address or a network that contains it.
Result<bool> Evaluation::is_in_table(std::string_view reference) {
  TRY(auto table, table_of_item(reference));
  for (const store::LookupKey& key : network_keys(request_.client_address)) {
    TRY(auto value, tables_.find(table, key.text, key.kind));
    if (value) return true;
  }
  return false;
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

const Evaluation::Row* Evaluation::find_row(std::string_view name) {
  static constexpr std::array rows{
#define RESTRICTION(name, argument, stage, meaning) Row{#name, Stage::stage, &Evaluation::name},
#include "common/config/restrictions.def"
  };
  static_assert(std::ranges::is_sorted(rows, {}, &Row::name), "find_row() searches by halves");
  auto found = std::ranges::lower_bound(rows, name, {}, &Row::name);
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

Verdict evaluate_recipient(const CheckRecipient& request, const Settings& settings,
                           PolicyTables& tables) {
  return Evaluation(request, settings, tables).recipient();
}

Verdict evaluate_restrictions(const CheckRestrictions& request, const Settings& settings,
                              PolicyTables& tables) {
  return Evaluation(request.about, settings, tables).restrictions(request.parameter);
}

}  // namespace pennypost::smtp
