// Shows milters a session: its dialogue as it goes, and each message when it is here as a whole.
//
// A message is shown after its addresses are rewritten and missing fields are added, so that what a
// milter signs is what is sent. A refusal of the connection or of HELO is told at MAIL, as in
// Postfix and Sendmail; 421 ends the session at once.
//
// SEE ALSO   ../milter/milters.h (the milters), session.h

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "smtpd/inbound/session.h"
#include "smtpd/policy/milter_header_checks.h"
#include "smtpd/queue/notify.h"

namespace pennypost::smtp {
namespace {

/// A refusal's text was checked by the parser of answers.
Reply reply_of(const MilterAnswer& answer) {
  auto refusal = answer.refusal();
  std::string status = refusal.status().value_or(EnhancedStatus::of_reply(refusal.code())).text();
  return Reply(refusal.code(), status, refusal.text());
}

/// The message of a transaction.
class ShownMessage final : public MilteredMessage {
 public:
  ShownMessage(FilteredMessage& message, Body& body, const ServiceContext& context)
      : message_(message),
        body_(body),
        context_(context),
        checks_([&context](
                    CheckContent ask) { return context.backend().check_content(std::move(ask)); },
                std::string(context.service_name()), context.settings()) {}

  std::string header() const override { return message_.header(); }
  void edit_header(const std::vector<Edit>& edits) override { message_.edit_header(edits); }
  Task<Result<std::string>> checked(std::string field) override {
    auto checking = checks_.check(std::move(field), message_.log_line());
    co_return co_await std::move(checking);
  }
  Task<Result<std::string>> read_body(std::uint64_t offset, std::size_t count) override {
    CO_TRY_DO(co_await settle());
    auto reading = body_.read(body_.body_offset() + offset, count);
    co_return co_await std::move(reading);
  }
  Task<Result<void>> begin_body() override {
    is_new_ = true;
    co_await message_.begin_body();
    co_return outcome();
  }
  Task<Result<void>> add_to_body(std::string_view piece) override {
    co_await message_.replace_body(piece);
    co_return outcome();
  }
  Result<void> add_recipient(std::string_view address, std::string_view parameters) override {
    TRY(auto command, parse_milter_recipient(address, parameters));
    message_.add_copy(context_.completed(command.recipient).text(),
                      notify_bits_of_copy(command.notify));
    return {};
  }
  Result<void> remove_recipient(std::string_view address) override {
    TRY(auto command, parse_milter_recipient(address, ""));
    message_.remove_recipient(context_.completed(command.recipient).text());
    return {};
  }
  Result<void> set_sender(std::string_view address, std::string_view parameters) override {
    TRY(auto command, parse_milter_sender(address, parameters));
    message_.set_sender(context_.completed(command.sender).text());
    return {};
  }
  /// What milter_header_checks make of the message.
  const ContentVerdict& verdict() const { return checks_.verdict(); }
  void carry_out_verdict() {
    const ContentVerdict& found = verdict();
    if (found.is_held) message_.hold();
    for (const auto& address : found.bcc) message_.add_copy(address, notify_never);
    if (found.redirect) message_.redirect(*found.redirect);
    if (found.filter) message_.set_filter(*found.filter);
  }
  /// Completes a new body on the disk.
  Task<Result<void>> settle() {
    if (!std::exchange(is_new_, false)) co_return Result<void>();
    auto finishing = body_.finish();
    co_return co_await std::move(finishing);
  }

 private:
  Result<void> outcome() const {
    if (body_.failure()) return *body_.failure();
    if (message_.is_too_large()) return Error(552, "5.3.4", "the new body is too large");
    return {};
  }

  FilteredMessage& message_;
  Body& body_;
  const ServiceContext& context_;
  MilterHeaderChecks checks_;
  bool is_new_ = false;
};

}  // namespace

/// Connects to the milters of this client, if there are any. Returns a 421 to hang up with.
Task<std::optional<Reply>> Session::meet_milters() {
  milters_.reset();
  auto names = settings_.smtpd_milters;
  if (!settings_.smtpd_milter_maps.empty()) {
    FindMilters request;
    request.service = context_->service_name();
    request.client_address = client_address_;
    auto found = co_await context_->backend().find_milters(std::move(request));
    if (!found) {
      log_warning(context_->log_component(), "smtpd_milter_maps: " + found.error().text());
      co_return Reply(421, "4.3.0", settings_.myhostname + " Error: temporary lookup failure");
    }
    names = std::move(found->milters);
  }
  if (names.empty()) co_return std::nullopt;
  auto list = MilterSettings::parse_list(names, settings_);
  if (!list) {
    log_warning(context_->log_component(), "smtpd_milter_maps: " + list.error().text());
    co_return Reply(421, "4.3.5", settings_.myhostname + " Error: server configuration error");
  }
  auto connect = [this](std::uint32_t number) { return connect_milter(number); };
  auto values = [this](std::string_view name) { return milter_macro(name); };
  milter_facts_ = std::make_unique<MilterFacts>();
  milters_ = std::make_unique<Milters>(context_->loop(), *std::move(list), MilterMacros(settings_),
                                       values, connect, std::string(context_->log_component()));
  MilterClient client;
  client.name = client_name_;
  if (has_address_) client.address = client_address_;
  client.port = peer_.port();
  auto meeting = milters_->connect(std::move(client));
  auto answer = co_await std::move(meeting);
  co_return hang_up_reply(answer);
}

Task<Result<std::unique_ptr<Stream>>> Session::connect_milter(std::uint32_t number) {
  ConnectMilter request;
  request.service = context_->service_name();
  request.client_address = client_address_;
  request.number = number;
  auto connecting = context_->backend().connect_milter(std::move(request));
  co_return co_await std::move(connecting);
}

/// Of what a milter says to connect and HELO, only the end of the session is told at once.
std::optional<Reply> Session::hang_up_reply(const MilterAnswer& answer) {
  if (answer.kind != MilterAnswer::Kind::Refuse || !answer.reply.starts_with("421")) {
    return std::nullopt;
  }
  return apply(answer, std::nullopt);
}

/// Applies a milter's answer. Returns its refusal; what it says is logged.
std::optional<Reply> Session::apply(const MilterAnswer& answer,
                                    std::optional<std::string_view> recipient) {
  if (answer.hold && transaction_ && !transaction_->hold) {
    transaction_->hold = true;
    log_action("milter-hold", answer.hold->empty() ? "milter triggers HOLD action" : *answer.hold,
               recipient);
  }
  if (answer.kind == MilterAnswer::Kind::Discard && transaction_ && !transaction_->discard) {
    transaction_->discard = true;
    log_action("milter-discard", "milter triggers DISCARD action", recipient);
  }
  if (answer.kind != MilterAnswer::Kind::Refuse) return std::nullopt;
  Reply reply = reply_of(answer);
  log_refusal("milter-reject", reply, recipient);
  return reply;
}

Task<std::optional<Reply>> Session::tell_milters_helo(std::string name) {
  auto telling = milters_->helo(std::move(name));
  auto answer = co_await std::move(telling);
  co_return hang_up_reply(answer);
}

Task<std::optional<Reply>> Session::tell_milters_mail(std::string_view arguments) {
  *milter_facts_ = {};
  co_await describe_to_milters(transaction_->mail.sender.text(), settings_.milter_mail_macros,
                               milter_facts_->sender);
  auto telling = milters_->mail(milter_words(transaction_->mail.sender, arguments));
  auto answer = co_await std::move(telling);
  co_return apply(answer, std::nullopt);
}

/// `refusal`: what policy has said already.
Task<std::optional<Reply>> Session::tell_milters_rcpt(const MailAddress& address,
                                                      std::string_view arguments,
                                                      std::optional<Reply> refusal) {
  if (transaction_->discard) co_return std::move(refusal);
  std::string shown = address.text();
  auto given = milter_words(address, arguments);
  milter_facts_->recipient = shown;
  if (refusal) {
    milter_facts_->refusal = refusal->status() + " " + refusal->text();
    auto telling = milters_->rcpt_refused(std::move(given));
    co_await std::move(telling);
    milter_facts_->refusal.clear();
    co_return std::move(refusal);
  }
  co_await describe_to_milters(shown, settings_.milter_rcpt_macros, milter_facts_->place);
  auto telling = milters_->rcpt(std::move(given));
  auto answer = co_await std::move(telling);
  co_return apply(answer, shown);
}

Task<std::optional<Reply>> Session::tell_milters_data() {
  if (transaction_->discard) co_return std::nullopt;
  auto telling = milters_->data();
  auto answer = co_await std::move(telling);
  co_return apply(answer, std::nullopt);
}

/// A milter's own reply to a command that we do not know.
Task<std::optional<Reply>> Session::tell_milters_unknown(std::string verb) {
  auto telling = milters_->unknown(std::move(verb));
  auto answer = co_await std::move(telling);
  if (answer.kind != MilterAnswer::Kind::Refuse) co_return std::nullopt;
  co_return reply_of(answer);
}

/// Shows the message as it will be sent; with smtpd_proxy_filter it is sent as it came, and shown
/// to nobody. It is on the disk, and is again if a milter changed it.
Task<std::optional<Reply>> Session::show_milters() {
  Transaction& transaction = *transaction_;
  bool is_shown = !transaction.discard && !transaction.recipients.empty() &&
                  context_->proxy_filter() == nullptr;
  if (!is_shown) co_return std::nullopt;
  HeaderDraft& header = *transaction.header;
  header.edit(submission_fixes(header.text()));
  header.edit(header_facts(header.text(), settings_.message_drop_headers).dropped);
  if (!transaction.filtered) transaction.filtered.emplace(filtered_parts());
  std::string last = transaction.recipients.back().address;
  ShownMessage message(*transaction.filtered, *transaction.body, *context_);
  auto showing = milters_->message(message);
  auto answer = co_await std::move(showing);
  auto refused = apply(answer, last);
  if (refused) co_return std::move(refused);
  if (message.verdict().refusal) co_return Reply(*message.verdict().refusal);
  transaction.discard = transaction.discard || message.verdict().is_discarded;
  message.carry_out_verdict();
  auto settling = message.settle();
  auto stored = co_await std::move(settling);
  if (!stored) co_return Reply(stored.error());
  transaction.discard = transaction.discard || transaction.recipients.empty();
  co_return std::nullopt;
}

/// Finds out where mail to the address would go, if the macros tell of it.
Task<> Session::describe_to_milters(std::string address, const std::string& macros,
                                    DescribeDestination::Place& into) {
  into = {};
  bool is_told = macros.find("_mailer") != macros.npos || macros.find("_host") != macros.npos;
  if (!is_told || address.empty()) co_return;
  DescribeDestination request;
  request.address = std::move(address);
  auto found = co_await context_->backend().describe(std::move(request));
  if (found) into = *std::move(found);
}

/// The value of a macro now, as Postfix's smtpd gives it; nothing where it has none.
std::optional<std::string> Session::milter_macro(std::string_view name) const {
  using Value = std::optional<std::string>;
  bool is_trusted = certificate_ && certificate_->is_trusted;
  bool has_message = transaction_.has_value();
  if (name == "daemon_name") return settings_.milter_macro_daemon_name;
  if (name == "v") return settings_.milter_macro_v;
  if (name == "j") return settings_.myhostname;
  if (name == "_") {
    bool is_verified = equal_nocase(client_name_, reverse_name_);
    return reverse_name_ + " [" + client_address_ + "]" + (is_verified ? "" : " (may be forged)");
  }
  if (name == "client_addr") return client_address_;
  if (name == "client_name") return client_name_;
  if (name == "client_ptr") return reverse_name_;
  if (name == "client_port") return std::to_string(has_address_ ? peer_.port() : 0);
  if (name == "client_resolve") {
    if (client_name_ != "unknown") return "OK";
    if (is_name_lookup_failed_) return "TEMP";
    return reverse_name_ != "unknown" ? "FORGED" : "FAIL";
  }
  if (name == "daemon_addr") return local_.address().text();
  if (name == "daemon_port") return std::to_string(local_.port());
  if (name == "tls_version") return tls_ ? Value(tls_->protocol()) : Value();
  if (name == "cipher") return tls_ ? Value(tls_->cipher()) : Value();
  if (name == "cipher_bits") return tls_ ? Value(std::to_string(tls_->cipher_bits())) : Value();
  if (name == "cert_subject") return is_trusted ? Value(certificate_->name) : Value();
  if (name == "cert_issuer") return is_trusted ? Value(certificate_->issuer) : Value();
  if (name == "i") return has_message ? Value(transaction_->id.value()) : Value();
  if (name == "auth_type") return login_ ? Value(login_->mechanism) : Value();
  if (name == "auth_authen") return login_ ? Value(login_->name) : Value();
  if (!has_message) return std::nullopt;
  if (name == "auth_author") {
    const auto& submitter = transaction_->mail.submitter;
    return login_ && submitter ? Value(submitter->text()) : Value();
  }
  if (name == "mail_addr") return transaction_->mail.sender.text();
  const MilterFacts& facts = *milter_facts_;
  auto known = [](const std::string& text) { return text.empty() ? Value() : Value(text); };
  if (name == "mail_mailer") return known(facts.sender.mailer);
  if (name == "mail_host") return known(facts.sender.host);
  if (facts.recipient.empty()) return std::nullopt;
  bool is_refused = !facts.refusal.empty();
  auto blank = facts.refusal.find(' ');
  if (name == "rcpt_addr") return is_refused ? facts.refusal.substr(blank + 1) : facts.recipient;
  if (name == "rcpt_mailer") return is_refused ? Value("error") : known(facts.place.mailer);
  if (name == "rcpt_host") {
    return is_refused ? Value(facts.refusal.substr(0, blank)) : known(facts.place.host);
  }
  return std::nullopt;
}

}  // namespace pennypost::smtp
