// Goes through restriction lists in order, and says what comes of them all.

#include "smtpd/policy/evaluate.h"

#include <algorithm>
#include <array>

#include "common/base/explanation.h"
#include "common/base/text.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

/// RFC 5321 section 4.5.1: `postmaster` without a domain is accepted from everybody.
Verdict Evaluation::recipient() {
  if (equal_nocase(request_.recipient, "postmaster")) return std::move(verdict_);
  Answer answer = settings_.smtpd_delay_reject ? early_lists() : Answer::Undecided;
  if (answer != Answer::Refuse && !is_paused_) answer = recipient_lists();
  if (answer == Answer::Refuse || verdict_.discard || is_paused_) return std::move(verdict_);
  subject_ = Subject::Recipient;
  if (settings_.smtpd_reject_unlisted_recipient) {
    answer = unlisted(Subject::Recipient, request_.recipient);
  }
  if (answer != Answer::Refuse) answer = full_mailbox();
  if (answer != Answer::Refuse) {
    auto has_quota = tables_.has_quota(completed(request_.recipient));
    verdict_.has_quota = has_quota && *has_quota;
  }
  return std::move(verdict_);
}

/// The lists that smtpd_delay_reject puts off until RCPT.
Answer Evaluation::early_lists() {
  Answer answer = list(Subject::Client, settings_.smtpd_client_restrictions);
  if (answer != Answer::Refuse && !request_.helo.empty()) {
    answer = list(Subject::Helo, settings_.smtpd_helo_restrictions);
  }
  return answer == Answer::Refuse ? answer : sender_list();
}

Answer Evaluation::sender_list() {
  Answer answer = list(Subject::Sender, settings_.smtpd_sender_restrictions);
  bool is_asked = settings_.smtpd_reject_unlisted_sender && !is_paused_ && !verdict_.discard &&
                  !request_.sender.empty();
  if (answer == Answer::Refuse || !is_asked) return answer;
  return unlisted(Subject::Sender, request_.sender);
}

Answer Evaluation::recipient_lists() {
  defer_if_reject_ = {};
  const std::vector<Restriction>* lists[] = {&settings_.smtpd_relay_restrictions,
                                             &settings_.smtpd_recipient_restrictions};
  if (!settings_.smtpd_relay_before_recipient_restrictions) std::swap(lists[0], lists[1]);
  bool is_relaying_decided = false;
  for (const auto* restrictions : lists) {
    list_ = subject_ = Subject::Recipient;
    Answer answer = items(*restrictions);
    if (answer == Answer::Refuse || is_paused_ || verdict_.discard) return answer;
    is_relaying_decided = is_relaying_decided || answer == Answer::Permit;
  }
  // If no list has decided about relaying, it is not permitted; by LMTP, never.
  Answer answer = Answer::Undecided;
  if (!is_relaying_decided || request_.is_lmtp) answer = reject_unauth_destination({});
  return deferred(answer);
}

Verdict Evaluation::restrictions(std::string_view parameter) {
  if (parameter == "smtpd_client_restrictions") {
    stage_ = Stage::Client;
    list(Subject::Client, settings_.smtpd_client_restrictions);
  } else if (parameter == "smtpd_helo_restrictions") {
    stage_ = Stage::Helo;
    list(Subject::Helo, settings_.smtpd_helo_restrictions);
  } else if (parameter == "smtpd_sender_restrictions") {
    stage_ = Stage::Sender;
    sender_list();
  } else if (parameter == "smtpd_etrn_restrictions") {
    stage_ = Stage::Helo;
    etrn();
  } else if (parameter == "smtpd_data_restrictions") {
    verdict_.deferral = {};
    deferred(list(Subject::Data, settings_.smtpd_data_restrictions));
  } else {
    ASSERT(parameter == "smtpd_end_of_data_restrictions");
    verdict_.deferral = {};
    deferred(list(Subject::EndOfData, settings_.smtpd_end_of_data_restrictions));
  }
  return std::move(verdict_);
}

/// At ETRN there is no sender and no recipient.
Answer Evaluation::etrn() {
  Answer answer = Answer::Undecided;
  if (settings_.smtpd_delay_reject) {
    answer = list(Subject::Client, settings_.smtpd_client_restrictions);
    if (answer != Answer::Refuse && !is_paused_ && !request_.helo.empty()) {
      answer = list(Subject::Helo, settings_.smtpd_helo_restrictions);
    }
  }
  if (answer != Answer::Refuse && !is_paused_) {
    answer = list(Subject::Etrn, settings_.smtpd_etrn_restrictions);
  }
  answer = deferred(answer);
  auto domain = Domain::parse(request_.etrn_domain);
  if (answer == Answer::Refuse || is_paused_ || !domain) return answer;
  auto may_flush = tables_.may_flush(*domain);
  if (!may_flush) return look_up_failed(Subject::Etrn);
  if (*may_flush) return answer;
  return refuse(459, "4.7.0", "<" + request_.etrn_domain + ">: service unavailable");
}

/// What defer_if_permit has found, here or at an earlier stage, is the answer to what is permitted.
Answer Evaluation::deferred(Answer answer) {
  if (answer == Answer::Refuse || is_paused_ || verdict_.deferral.code == 0) return answer;
  const PolicyReply& reply = verdict_.deferral;
  return refuse(reply.code, reply.status, reply.text);
}

Answer Evaluation::list(Subject subject, const std::vector<Restriction>& restrictions) {
  defer_if_reject_ = {};
  list_ = subject_ = subject;
  return items(restrictions);
}

/// A message to be thrown away is not asked about any more; nor is one whose answer is temporary
/// whatever else is said.
Answer Evaluation::items(const std::vector<Restriction>& restrictions) {
  warn_next_ = false;
  for (const Restriction& restriction : restrictions) {
    if (verdict_.discard || is_paused_) break;
    const Row* row = find_row(restriction.name);
    ASSERT(row != nullptr);
    bool is_warning = std::exchange(warn_next_, false);
    if (!is_known(row->stage)) continue;
    bool outer = std::exchange(warn_only_, warn_only_ || is_warning);
    Answer answer = (this->*row->item)(restriction);
    explain(restriction, answer);
    warn_only_ = outer;
    if (answer != Answer::Undecided) return answer;
    if (verdict_.deferral.code != 0 && defer_if_reject_.code != 0) break;
  }
  warn_next_ = false;
  return Answer::Undecided;
}

void Evaluation::explain(const Restriction& restriction, Answer answer) const {
  Explanation::add([&] {
    const std::string item =
        restriction.name + (restriction.argument.empty() ? "" : " " + restriction.argument);
    switch (answer) {
      case Answer::Permit:
        return item + ": permits";
      case Answer::Refuse:
        return item + ": refuses";
      case Answer::Undecided:
        break;
    }
    return item + ": leaves it to the next";
  });
}

/// A class, or the list that an access table gives.
Answer Evaluation::nested(const std::vector<Restriction>& restrictions) {
  if (depth_ >= restriction_depth_max) return misconfigured("restrictions lead too deep");
  ++depth_;
  Answer answer = items(restrictions);
  --depth_;
  return answer;
}

/// Whether what a restriction of this stage checks is already known.
bool Evaluation::is_known(Stage stage) const {
  switch (stage) {
    case Stage::Client:
      return true;
    case Stage::Helo:
      return !request_.helo.empty();
    case Stage::Sender:
      return stage_ == Stage::Sender || stage_ == Stage::Recipient;
    case Stage::Etrn:
      return !request_.etrn_domain.empty();
    case Stage::Recipient:
      break;
  }
  return stage_ == Stage::Recipient && !request_.recipient.empty();
}

Evaluation::SubjectWords Evaluation::words_of(Subject subject) const {
  switch (subject) {
    case Subject::Client:
      return {request_.client_name + "[" + request_.client_address + "]", "Client host"};
    case Subject::ReverseClient:
      return {request_.reverse_name, "Unverified Client host"};
    case Subject::Login:
      return {request_.sasl_username, "SASL login name"};
    case Subject::Helo:
      return {request_.helo, "Helo command"};
    case Subject::Sender:
      return {request_.sender, "Sender address"};
    case Subject::Recipient:
      return {request_.recipient, "Recipient address"};
    case Subject::Data:
      return {"DATA", "Data command"};
    case Subject::EndOfData:
      return {"END-OF-MESSAGE", "End-of-data"};
    case Subject::Etrn:
      return {request_.etrn_domain, "Etrn command"};
    case Subject::Certificate:
      return {request_.certificate ? request_.certificate->name : "", "Client certificate"};
  }
  return {};
}

std::string Evaluation::about(Subject subject) const {
  auto words = words_of(subject);
  return "<" + words.name + ">: " + std::string(words.kind) + " rejected: ";
}

void Evaluation::note(std::string_view action, std::string text) {
  verdict_.notes.push_back({std::string(action), std::move(text), 0, ""});
}

/// The first digits of code and status agree, whatever code the settings name.
Answer Evaluation::refuse(int code, std::string_view status, std::string text) {
  std::string agreeing(status);
  if (!agreeing.empty()) agreeing.front() = code < 500 ? '4' : '5';
  if (warn_only_) {
    verdict_.notes.push_back(
        {"reject_warning", std::move(text), static_cast<std::uint16_t>(code), std::move(agreeing)});
    return Answer::Undecided;
  }
  if (code >= 500 && defer_if_reject_.code != 0) {
    auto reply = std::exchange(defer_if_reject_, {});
    return refuse(reply.code, reply.status, std::move(reply.text));
  }
  verdict_.code = static_cast<std::uint16_t>(code);
  verdict_.status = std::move(agreeing);
  verdict_.text = std::move(text);
  return Answer::Refuse;
}

Answer Evaluation::refuse_about(Subject subject, int code, std::string_view status,
                                std::string_view text) {
  return refuse(code, status, about(subject) + std::string(text));
}

/// The first reason stays: what comes later may only follow from it.
void Evaluation::defer_unless_permitted(int code, std::string_view status, std::string text) {
  if (verdict_.deferral.code != 0) return;
  verdict_.deferral = {static_cast<std::uint16_t>(code), std::string(status), std::move(text)};
}

Answer Evaluation::refuse_later(std::string_view action, int code, std::string_view status,
                                std::string text) {
  if (warn_only_ || action == "defer") return refuse(code, status, std::move(text));
  defer_unless_permitted(code, status, std::move(text));
  return Answer::Undecided;
}

/// A temporary refusal, even under warn_if_reject, since a failed look-up tells nothing about the
/// client.
Answer Evaluation::look_up_failed(Subject subject) {
  bool outer = std::exchange(warn_only_, false);
  Answer answer =
      refuse(451, "4.3.0", "<" + words_of(subject).name + ">: Temporary lookup failure");
  warn_only_ = outer;
  return answer;
}

Answer Evaluation::misconfigured(std::string problem) {
  note("", std::move(problem));
  bool outer = std::exchange(warn_only_, false);
  Answer answer = refuse(451, "4.3.5", "Server configuration error");
  warn_only_ = outer;
  return answer;
}

// The restrictions that ask nothing.

Answer Evaluation::warn_if_reject(const Restriction&) {
  warn_next_ = true;
  return Answer::Undecided;
}

Answer Evaluation::permit(const Restriction&) { return Answer::Permit; }

Answer Evaluation::reject(const Restriction&) {
  return refuse_about(subject_, static_cast<int>(settings_.reject_code), "5.7.1", "Access denied");
}

Answer Evaluation::defer(const Restriction&) {
  return refuse_about(subject_, static_cast<int>(settings_.defer_code), "4.3.2", "Try again later");
}

Answer Evaluation::defer_if_permit(const Restriction&) {
  return refuse_later("defer_if_permit", 450, "4.7.0",
                      about(subject_) + "defer_if_permit requested");
}

Answer Evaluation::defer_if_reject(const Restriction&) {
  if (defer_if_reject_.code == 0) {
    defer_if_reject_ = {450, "4.7.0", about(subject_) + "defer_if_reject requested"};
  }
  return Answer::Undecided;
}

/// The session sleeps, and asks again: meanwhile the client may do what it must not.
Answer Evaluation::sleep(const Restriction& restriction) {
  auto seconds = parse_number(restriction.argument).value_or(0);
  if (seconds == 0 || sleeps_++ < request_.sleeps) return Answer::Undecided;
  verdict_.sleep_seconds = static_cast<std::uint32_t>(seconds);
  is_paused_ = true;
  return Answer::Undecided;
}

Answer Evaluation::restriction_class(const Restriction& restriction) {
  auto found = settings_.restriction_classes.find(restriction.argument);
  if (found == settings_.restriction_classes.end()) {
    return misconfigured("unknown restriction: \"" + restriction.argument + "\"");
  }
  return nested(found->second);
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
