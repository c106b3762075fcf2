// MAIL and RCPT: builds a transaction's envelope and asks policy about sender and recipients.

#include <algorithm>
#include <limits>

#include "common/base/text.h"
#include "smtpd/inbound/session.h"
#include "smtpd/queue/notify.h"
#include "smtpd/queue/verp.h"

namespace pennypost::smtp {
namespace {

/// For strict_rfc821_envelopes, which allows a blank before the bracket.
bool has_brackets(std::string_view arguments) {
  auto colon = arguments.find(':');
  return colon != arguments.npos && trim(arguments.substr(colon + 1)).starts_with('<');
}

}  // namespace

/// What policy and filters are told about the client and the transaction so far.
CheckRecipient Session::about() const {
  CheckRecipient request;
  request.service = context_->service_name();
  request.client_name = client_name_;
  request.reverse_name = reverse_name_;
  request.is_name_lookup_failed = is_name_lookup_failed_;
  request.client_address = client_address_;
  request.helo = helo_;
  if (transaction_) {
    request.sender = transaction_->mail.sender.text();
    request.recipients = static_cast<std::uint32_t>(transaction_->recipients.size());
  }
  if (login_) request.sasl_username = login_->name;
  request.is_authenticated = login_.has_value();
  request.is_in_mynetworks = has_address_ && context_->is_surely_in_mynetworks(peer_.address());
  request.is_own_address = has_address_ && is_same_host(peer_.address(), local_.address());
  request.is_encrypted = tls_ != nullptr;
  // RFC 2920 section 3.1: DATA is the last of a group, and without EHLO nothing is sent ahead.
  bool may_be_ahead = is_extended_ && stage_ != "DATA";
  request.is_pipelining_early = has_sent_early_ || (connection_.has_input() && !may_be_ahead);
  request.may_relay = may_relay_;
  request.deferral = deferral();
  if (certificate_) request.certificate = *certificate_;
  request.etrn_domain = etrn_domain_;
  request.is_lmtp = context_->is_lmtp();
  if (context_->tells_facts()) request.facts = facts();
  return request;
}

/// What policy servers are told as well.
SessionFacts Session::facts() const {
  SessionFacts facts;
  facts.state = stage_;
  facts.protocol = context_->is_lmtp() ? "LMTP" : is_extended_ ? "ESMTP" : "SMTP";
  facts.client_port = has_address_ ? peer_.port() : 0;
  facts.server_address = local_.address().text();
  facts.server_port = local_.port();
  if (transaction_) {
    const Transaction& transaction = *transaction_;
    facts.instance = transaction.id.value();
    if (!transaction.recipients.empty()) facts.queue_id = facts.instance;
    facts.size = transaction.mail.size.value_or(0);
    if (transaction.scanner) facts.size = transaction.scanner->octets();
    if (transaction.mail.submitter) facts.sasl_sender = transaction.mail.submitter->text();
  }
  if (login_) facts.sasl_method = login_->mechanism;
  if (tls_ != nullptr) {
    facts.tls_protocol = tls_->protocol();
    facts.tls_cipher = tls_->cipher();
    facts.tls_bits = static_cast<std::uint32_t>(tls_->cipher_bits());
  }
  return facts;
}

/// What defer_if_permit has said at an earlier stage.
const PolicyReply& Session::deferral() const {
  if (transaction_ && transaction_->deferral.code != 0) return transaction_->deferral;
  return helo_deferral_.code != 0 ? helo_deferral_ : client_deferral_;
}

/// Waits, and listens meanwhile whether the client says something.
Task<> Session::pause(Duration time) {
  Loop& loop = context_->loop();
  SteadyTime end = loop.now() + time;
  if (!connection_.has_input()) {
    auto filling = connection_.fill();
    co_await within(loop, time, std::move(filling));
  }
  auto left = std::chrono::duration_cast<Duration>(end - loop.now());
  if (left.count() > 0) co_await loop.sleep(left);
}

/// The reply as it is sent.
void Session::log_refusal(std::string_view action, Reply reply,
                          std::optional<std::string_view> recipient) const {
  if (settings_.soft_bounce) reply.soften();
  log_action(action, reply.summary(), recipient);
}

void Session::log_action(std::string_view action, std::string_view text,
                         std::optional<std::string_view> recipient) const {
  LogTransaction line = log_origin();
  std::string sender;
  if (transaction_) {
    if (!transaction_->recipients.empty()) line.queue_id = transaction_->id.value();
    sender = transaction_->mail.sender.text();
    line.has_sender = true;
    line.sender = sender;
  }
  line.stage = stage_;
  line.has_recipient = recipient.has_value();
  if (recipient) line.recipient = *recipient;
  log_decision(action, line, text);
}

/// What the client speaks, once it has said HELO, EHLO or LHLO.
std::string_view Session::protocol() const {
  if (helo_.empty()) return "";
  if (context_->is_lmtp()) return "LMTP";
  return is_extended_ ? "ESMTP" : "SMTP";
}

LogTransaction Session::log_origin() const {
  LogTransaction line;
  line.peer = log_peer();
  line.protocol = protocol();
  line.helo = helo_;
  return line;
}

/// Applies a verdict of policy. Returns the refusal, which is logged; nothing if there is none.
std::optional<Reply> Session::apply(const CheckRecipient::Verdict& verdict,
                                    std::string_view recipient) {
  std::optional<std::string_view> shown;
  if (!recipient.empty()) shown = recipient;
  for (const PolicyNote& note : verdict.notes) {
    if (note.action.empty()) {
      log_warning(context_->log_component(), note.text);
    } else if (note.code == 0) {
      log_action(note.action, note.text, shown);
    } else {
      log_refusal(note.action, Reply(note.code, note.status, note.text), shown);
    }
  }
  may_relay_ = may_relay_ || verdict.may_relay;
  if (verdict.code >= 400) {
    Reply reply(verdict.code, verdict.status, printable(verdict.text));
    reply.mark_as_policy();
    log_refusal("reject", reply, shown);
    return reply;
  }
  bool is_for_mail = verdict.hold || verdict.discard || !verdict.prepend.empty() ||
                     !verdict.redirect.empty() || !verdict.bcc.empty() || !verdict.filter.empty();
  if (!transaction_ && is_for_mail) {
    log_warning(
        context_->log_component(),
        "HOLD, DISCARD, PREPEND, REDIRECT, BCC and FILTER of an access table have no effect "
        "before MAIL; set smtpd_delay_reject = yes");
  }
  // The message does not enter the queue here.
  bool is_for_queue = verdict.hold || verdict.discard || !verdict.redirect.empty() ||
                      !verdict.bcc.empty() || !verdict.filter.empty();
  bool is_without_effect = is_for_queue && context_->proxy_filter() != nullptr;
  if (is_without_effect) {
    log_warning(context_->log_component(),
                "HOLD, DISCARD, REDIRECT, BCC and FILTER of an access table have no effect with "
                "smtpd_proxy_filter");
  }
  if (transaction_ && !is_without_effect) {
    transaction_->hold = transaction_->hold || verdict.hold;
    transaction_->discard = transaction_->discard || verdict.discard;
    if (!verdict.redirect.empty()) transaction_->redirect = verdict.redirect;
    if (!verdict.filter.empty()) transaction_->filter = verdict.filter;
    for (const auto& copy : verdict.bcc) {
      auto& copies = transaction_->bcc;
      if (std::ranges::find(copies, copy) == copies.end()) copies.push_back(copy);
    }
  }
  if (transaction_) {
    transaction_->prepend.insert(transaction_->prepend.end(), verdict.prepend.begin(),
                                 verdict.prepend.end());
  }
  return std::nullopt;
}

/// What the filters say of the client, or of its message as far as it is known.
Task<std::optional<Reply>> Session::ask_filters(FilterChain::Question question,
                                                std::string_view recipient) {
  CheckRecipient request = about();
  request.recipient = recipient;
  auto asking = (filters_.*question)(request);
  FilterAnswer answer = co_await std::move(asking);
  co_return apply(answer);
}

/// Applies a filter's answer. Returns its refusal, which the filter has logged.
std::optional<Reply> Session::apply(const FilterAnswer& answer) {
  if (answer.kind() == FilterAnswer::Kind::Refuse) return answer.reply();
  bool is_discarded = answer.kind() == FilterAnswer::Kind::Discard;
  if (transaction_) transaction_->discard = transaction_->discard || is_discarded;
  return std::nullopt;
}

/// Asks one restriction list, if `is_wanted`. A message's only recipient is asked about, too.
Task<std::optional<Reply>> Session::check(std::string_view parameter, bool is_wanted) {
  if (!is_wanted) co_return std::nullopt;
  std::string recipient;
  if (transaction_ && transaction_->recipients.size() == 1) {
    recipient = transaction_->recipients.front().address;
  }
  for (std::uint32_t sleeps = 0;; ++sleeps) {
    CheckRestrictions request;
    request.parameter = parameter;
    request.about = about();
    request.about.recipient = recipient;
    request.about.sleeps = sleeps;
    auto verdict = co_await context_->backend().check_restrictions(std::move(request));
    if (!verdict) {
      Reply reply(451, "4.3.0", "Error: temporary lookup failure");
      log_refusal("reject", reply, std::nullopt);
      co_return std::move(reply);
    }
    if (verdict->sleep_seconds > 0) {
      co_await pause(std::chrono::seconds(verdict->sleep_seconds));
      continue;
    }
    if (parameter == "smtpd_client_restrictions") client_deferral_ = verdict->deferral;
    if (parameter == "smtpd_helo_restrictions") helo_deferral_ = verdict->deferral;
    if (parameter == "smtpd_sender_restrictions") transaction_->deferral = verdict->deferral;
    co_return apply(*verdict, recipient);
  }
}

/// What policy says of one recipient, after all that it wants us to wait.
Task<Result<CheckRecipient::Verdict>> Session::ask_about(const std::string& recipient) {
  for (std::uint32_t sleeps = 0;; ++sleeps) {
    CheckRecipient request = about();
    request.recipient = recipient;
    request.sleeps = sleeps;
    auto verdict = co_await context_->backend().check_recipient(std::move(request));
    if (!verdict || verdict->sleep_seconds == 0) co_return std::move(verdict);
    co_await pause(std::chrono::seconds(verdict->sleep_seconds));
  }
}

/// Why the recipient's mailbox has no room for a message of this size; nothing if it has.
Task<std::optional<Reply>> Session::ask_for_room(std::string recipient, std::uint64_t bytes) {
  AskRoom ask;
  ask.sender = transaction_->sender;
  ask.recipient = recipient;
  ask.bytes = bytes;
  auto fate = co_await context_->backend().room(std::move(ask));
  if (!fate || fate->code < 400) co_return std::nullopt;
  Reply reply(fate->code, fate->status,
              "<" + printable(recipient) + ">: Recipient address rejected: " + fate->text);
  log_refusal("reject", reply, recipient);
  co_return std::move(reply);
}

/// Why a MAIL command is refused for its parameters.
std::optional<Reply> Session::refusal(const MailCommand& command) const {
  auto is_given = [&](std::string_view keyword) {
    return std::ranges::find(command.given, keyword) != command.given.end();
  };
  for (std::string_view keyword : {"SIZE", "SMTPUTF8", "XVERP", "REQUIRETLS"}) {
    if (is_given(keyword) && context_->discards_keyword(keyword)) {
      return Reply(555, "5.5.4", "Unsupported option: " + std::string(keyword));
    }
  }
  if (is_given("BODY") && context_->discards_keyword("8BITMIME")) {
    return Reply(555, "5.5.4", "Unsupported option: BODY");
  }
  if (command.smtputf8 && !settings_.smtputf8_enable) {
    return Reply(555, "5.5.4", "Unsupported option: SMTPUTF8");
  }
  if (command.requires_tls && !settings_.requiretls_enable) {
    return Reply(555, "5.5.4", "Unsupported option: REQUIRETLS");
  }
  if (command.requires_tls && tls_ == nullptr) {
    return Reply(555, "5.5.4", "Unsupported option: REQUIRETLS without TLS");
  }
  if ((is_given("RET") || is_given("ENVID")) && context_->discards_keyword("DSN")) {
    return Reply(555, "5.5.4", "Unsupported option: DSN parameters");
  }
  if (command.verp) {
    if (!may_verp_) return Reply(503, "5.5.4", "Error: XVERP requires special privileges");
    if (command.sender.is_null()) return Reply(503, "5.5.4", "Error: XVERP needs a sender");
    bool is_usable = command.verp->empty() ||
                     are_verp_delimiters(*command.verp, settings_.verp_delimiter_filter);
    if (!is_usable) return Reply(503, "5.5.4", "Error: invalid verp delimiter characters");
  }
  if (command.body == BodyType::BinaryMime) {
    return Reply(555, "5.5.4", "Unsupported option: BODY=BINARYMIME");
  }
  if (command.size && !context_->message_bytes_max().allows(*command.size)) {
    return Reply(552, "5.3.4", "Message size exceeds fixed limit");
  }
  return std::nullopt;
}

/// Whether a program that gets the address as an argument could take it for an option.
bool Session::is_like_option(const MailAddress& address) const {
  return !settings_.allow_min_user && address.local().starts_with('-');
}

/// How many recipients the message of a user who has logged in may have. Error: none, since the
/// user is blocked, or has sent too much; it is logged.
Task<Result<std::uint64_t>> Session::ask_about_user() {
  CheckSubmitter ask;
  ask.user = login_->name;
  auto answer = co_await context_->backend().check_submitter(std::move(ask));
  if (!answer) co_return Error(451, "4.3.0", "Error: temporary lookup failure");
  if (answer->is_blocked) {
    Error blocked(550, "5.7.1",
                  "<" + printable(login_->name, 100) + ">: this user may not send mail");
    log_refusal("reject", Reply(blocked), std::nullopt);
    co_return std::move(blocked);
  }
  if (!context_->limits_users()) co_return std::numeric_limits<std::uint64_t>::max();
  AskAllowance question;
  question.user = login_->name;
  auto left = co_await context_->backend().allowance(std::move(question));
  // The queue counts, and refuses what is too much, again.
  if (!left) co_return std::numeric_limits<std::uint64_t>::max();
  if (left->recipients > 0) co_return left->recipients;
  Error refused = too_much_mail();
  log_refusal("reject", Reply(refused), std::nullopt);
  co_return std::move(refused);
}

/// The answer to a user beyond an outgoing_... limit.
Error Session::too_much_mail() const {
  return Error(450, "4.7.1", "Error: too much mail from " + printable(login_->name, 100));
}

/// RFC 5321 section 4.1.1.2.
Task<Reply> Session::mail(std::string_view arguments) {
  if (transaction_) co_return Reply(503, "5.5.1", "Error: nested MAIL command");
  if (settings_.strict_rfc821_envelopes && !has_brackets(arguments)) {
    co_return Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>");
  }
  CO_TRY(auto command, parse_mail_command(arguments));
  if (auto refused = refusal(command)) co_return *std::move(refused);
  if (is_like_option(command.sender)) co_return Reply(501, "5.1.7", "Bad sender address syntax");
  bool is_too_much = co_await is_too_often(CountClient::Event::Message,
                                           settings_.smtpd_client_message_rate_limit, "Message");
  if (is_too_much) co_return Reply(450, "4.7.1", "Error: too much mail from " + client_address_);
  std::uint64_t recipients_max = std::numeric_limits<std::uint64_t>::max();
  if (login_) {
    auto asking = ask_about_user();
    auto allowed = co_await std::move(asking);
    if (!allowed) co_return Reply(allowed.error());
    recipients_max = *allowed;
  }
  auto now = context_->process().clock->now().count();
  transaction_.emplace(context_->process().make_queue_id(), now, std::move(command));
  transaction_->sender = context_->completed(transaction_->mail.sender).text();
  transaction_->recipients_max = recipients_max;
  transaction_->filter = settings_.content_filter;

  bool is_asked =
      !settings_.smtpd_sender_restrictions.empty() || settings_.smtpd_reject_unlisted_sender;
  bool is_wanted = !settings_.smtpd_delay_reject && is_asked;
  auto checking = check("smtpd_sender_restrictions", is_wanted);
  auto refused = co_await std::move(checking);
  if (!refused && filters_.has(Filter::Mail)) {
    auto asking = ask_filters(&FilterChain::mail);
    refused = co_await std::move(asking);
  }
  if (!refused && milters_) {
    auto telling = tell_milters_mail(arguments);
    refused = co_await std::move(telling);
  }
  if (refused) {
    end_transaction();
    co_return *std::move(refused);
  }
  has_begun_mail_ = true;
  first_mail_by_ = SteadyTime::max();
  connection_.set_deadline(first_mail_by_);
  co_return Reply(250, "2.1.0", "Ok");
}

/// RFC 5321 section 4.1.1.3.
Task<Reply> Session::rcpt(std::string_view arguments) {
  if (!transaction_) co_return Reply(503, "5.5.1", "Error: need MAIL command");
  if (transaction_->body) co_return Reply(503, "5.5.1", "Error: RCPT after BDAT");
  if (settings_.strict_rfc821_envelopes && !has_brackets(arguments)) {
    co_return Reply(501, "5.5.4", "Syntax: RCPT TO:<address>");
  }
  Utf8 utf8 = transaction_->mail.smtputf8 ? Utf8::Allowed : Utf8::Refused;
  CO_TRY(auto command, parse_rcpt_command(arguments, utf8));
  if (is_like_option(command.recipient)) {
    co_return Reply(501, "5.1.3", "Bad recipient address syntax");
  }
  if (!command.given.empty() && context_->discards_keyword("DSN")) {
    co_return Reply(555, "5.5.4", "Unsupported option: DSN parameters");
  }
  if (transaction_->accepted >= settings_.smtpd_recipient_limit) {
    co_return Reply(452, "4.5.3", "Error: too many recipients");
  }
  if (transaction_->recipients.size() >= transaction_->recipients_max) {
    Reply refused(too_much_mail());
    log_refusal("reject", refused, command.recipient.text());
    co_return std::move(refused);
  }

  bool is_too_much = co_await is_too_often(
      CountClient::Event::Recipient, settings_.smtpd_client_recipient_rate_limit, "Recipient");
  if (is_too_much) {
    co_return Reply(450, "4.7.1", "Error: too many recipients from " + client_address_);
  }

  std::string shown = command.recipient.text();
  if (context_->has_footer()) footer_recipient_ = shown;
  if (filters_.has(Filter::Rcpt)) {
    auto asking = ask_filters(&FilterChain::rcpt, shown);
    auto refused = co_await std::move(asking);
    if (refused) co_return *std::move(refused);
  }
  // What will be thrown away is asked nothing.
  if (!transaction_->discard) {
    auto asking = check_recipient(command, arguments);
    auto refused = co_await std::move(asking);
    if (refused) co_return *std::move(refused);
  }
  auto taking = take_recipient(std::move(command));
  co_return co_await std::move(taking);
}

/// What policy, the recipient's mailbox and milters say, in this order.
Task<std::optional<Reply>> Session::check_recipient(const RcptCommand& command,
                                                    std::string_view arguments) {
  const std::string shown = command.recipient.text();
  auto asking = ask_about(shown);
  auto verdict = co_await std::move(asking);
  if (!verdict) {
    Reply reply(451, "4.3.0", "<" + shown + ">: Temporary lookup failure");
    log_refusal("reject", reply, shown);
    co_return std::move(reply);
  }
  auto refused = apply(*verdict, shown);
  if (!refused && verdict->has_quota) {
    auto address = context_->completed(command.recipient).text();
    transaction_->with_quota.insert(address);
    // RFC 1870 section 6.2: the size that MAIL declares, if it does.
    auto bytes = std::max<std::uint64_t>(transaction_->mail.size.value_or(0), 1);
    auto looking = ask_for_room(std::move(address), bytes);
    refused = co_await std::move(looking);
  }
  if (milters_) {
    auto telling = tell_milters_rcpt(command.recipient, arguments, std::move(refused));
    refused = co_await std::move(telling);
  }
  co_return std::move(refused);
}

/// Takes a recipient that nothing here refuses. The filter of smtpd_proxy_filter may still do so.
Task<Reply> Session::take_recipient(RcptCommand command) {
  auto& recipients = transaction_->recipients;
  Recipient recipient;
  recipient.number = static_cast<std::uint32_t>(recipients.size() + 1);
  recipient.address = context_->completed(command.recipient).text();
  recipient.original = recipient.address;
  recipient.notify = notify_bits(command.notify);
  recipient.is_virtual_self = !context_->maps_addresses();
  if (command.orcpt) recipient.orcpt = command.orcpt->type + ";" + command.orcpt->address;

  auto known = std::ranges::find(recipients, recipient.address, &Recipient::address);
  bool is_known = known != recipients.end();
  Reply reply(250, "2.1.5", "Ok");
  bool is_asked = !is_known && asks_filter_early() && !transaction_->discard;
  if (is_asked) {
    auto asking = ask_proxy(recipient);
    reply = co_await std::move(asking);
    if (reply.is_error()) co_return std::move(reply);
  }
  ++transaction_->accepted;
  if (context_->is_lmtp()) {
    transaction_->awaited.push_back(is_known ? known->number : recipient.number);
  }
  if (is_known) co_return std::move(reply);
  if (recipients.empty()) {
    std::string_view method = login_ ? std::string_view(login_->mechanism) : "";
    std::string_view name = login_ ? std::string_view(login_->name) : "";
    log_client(transaction_->id.value(), log_peer(), method, name, log_forwarded());
  }
  recipients.push_back(std::move(recipient));
  co_return std::move(reply);
}

}  // namespace pennypost::smtp
