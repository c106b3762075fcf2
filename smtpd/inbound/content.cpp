// Handles a message whose content has arrived: filters, fix-ups of its header, submission to the
// queue.
//
// The order is Postfix's: filters (including header_checks) see the message as received, below our
// Received; then canonical maps and masquerade_domains rewrite its addresses, missing fields are
// added for our own clients, and message_drop_headers are removed. Each step works on the result of
// the steps before it.
//
// SEE ALSO   data.cpp (DATA and BDAT), header_draft.h, filter.h

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/fixups.h"
#include "smtpd/inbound/session.h"
#include "smtpd/routing/blind_copies.h"
#include "smtpd/routing/header_addresses.h"

namespace pennypost::smtp {
namespace {

Ret ret_of(DsnReturn ret) {
  switch (ret) {
    case DsnReturn::Unset:
      return Ret::Unset;
    case DsnReturn::Full:
      return Ret::Full;
    case DsnReturn::Headers:
      return Ret::Headers;
  }
  return Ret::Unset;
}

}  // namespace

FilteredMessage::Parts Session::filtered_parts() {
  Transaction& transaction = *transaction_;
  return {transaction.id,     *transaction.header,
          transaction.sender, transaction.recipients,
          *transaction.body,  transaction.hold,
          transaction.junk,   transaction.filter,
          log_origin(),       context_->message_bytes_max()};
}

/// Shows the filters the header once it is complete, then the part of the body that they have not
/// seen. `is_whole`: no more content follows.
Task<> Session::show_filters(bool is_whole) {
  Transaction& transaction = *transaction_;
  Body& body = *transaction.body;
  if (transaction.refusal || transaction.discard || body.failure()) co_return;
  if (!transaction.filtered) {
    if (!body.find_header(is_whole)) co_return;
    transaction.header.emplace(fields_on_top(), body.header(), body.header_end());
    transaction.filtered.emplace(filtered_parts());
    FilterAnswer answer = co_await filters_.header(*transaction.filtered);
    transaction.refusal = apply(answer);
  }
  auto text = body.body_in_tail();
  if (transaction.refusal || transaction.discard || text.empty()) co_return;
  FilterAnswer answer = co_await filters_.body(text);
  transaction.refusal = apply(answer);
}

/// The last call to the filters, at which they may change the whole message.
Task<std::optional<Reply>> Session::end_filters() {
  Transaction& transaction = *transaction_;
  if (!transaction.filtered || transaction.discard) co_return std::nullopt;
  FilterAnswer answer = co_await filters_.end(*transaction.filtered);
  auto refused = apply(answer);
  if (!refused && transaction.filtered->is_too_large()) {
    refused.emplace(552, "5.3.4", "Error: message file too big");
    log_refusal("reject", *refused, std::nullopt);
  }
  transaction.discard = transaction.discard || transaction.recipients.empty();
  co_return std::move(refused);
}

/// Called when the content has arrived; ends the transaction in any case.
Task<Reply> Session::finish_message() {
  stage_ = "END-OF-MESSAGE";
  auto checking = check_content();
  auto refused = co_await std::move(checking);
  if (refused) {
    auto replies = transaction_->awaited.size();
    end_transaction();
    co_return std::move(*refused).repeated(replies);
  }
  auto committing = commit();
  co_return co_await std::move(committing);
}

/// Why the message is refused; otherwise nothing, and then its content is complete and synced, and
/// filters and canonical maps have been applied to its header.
Task<std::optional<Reply>> Session::check_content() {
  Transaction& transaction = *transaction_;
  Body& body = *transaction.body;
  if (auto fault = fault_reply()) {
    log_refusal("reject", *fault, std::nullopt);
    co_return std::move(fault);
  }
  if (filters_.want_message()) {
    auto showing = show_filters(true);
    co_await std::move(showing);
  }
  if (transaction.refusal) co_return transaction.refusal;
  if (body.failure()) co_return Reply(*body.failure());
  auto checking =
      check("smtpd_end_of_data_restrictions", !settings_.smtpd_end_of_data_restrictions.empty());
  auto refused = co_await std::move(checking);
  if (!refused && transaction.filtered) {
    auto ending = end_filters();
    refused = co_await std::move(ending);
  }
  if (refused) co_return std::move(refused);
  // The header stays where it is if a milter has the body replaced.
  if (milters_) body.find_header(true);
  auto stored = co_await body.finish();
  if (!stored) co_return Reply(stored.error());
  refused = start_header();
  if (!refused) {
    auto looking = check_room();
    refused = co_await std::move(looking);
  }
  bool is_asked = context_->rewrites_addresses() || context_->copies_mail();
  if (!refused && is_asked && !transaction.discard) {
    auto rewriting = rewrite_addresses();
    refused = co_await std::move(rewriting);
  }
  if (!refused && milters_) {
    auto showing = show_milters();
    refused = co_await std::move(showing);
  }
  co_return std::move(refused);
}

/// Starts the header's draft, if the filters have not. RFC 5321 section 6.3: a message with too
/// many Received fields is refused as a loop.
std::optional<Reply> Session::start_header() {
  Transaction& transaction = *transaction_;
  Body& body = *transaction.body;
  transaction.facts = header_facts(body.header(), settings_.message_drop_headers);
  if (transaction.facts.hops > settings_.hopcount_limit) {
    Reply reply(554, "5.4.0", "Error: too many hops");
    log_refusal("reject", reply, std::nullopt);
    return reply;
  }
  if (!transaction.header) {
    transaction.header.emplace(fields_on_top(), body.header(), body.header_end());
  } else {
    transaction.header->add_on_top(fields_to_prepend());
  }
  return std::nullopt;
}

/// Refuses a message for which no recipient's mailbox has room, as it turns out to be larger than
/// MAIL has said. If some have room it is taken, as RFC 5321 section 4.2.5 has one reply for all of
/// them, and delivery reports the others; LMTP has a reply for each.
Task<std::optional<Reply>> Session::check_room() {
  Transaction& transaction = *transaction_;
  std::optional<Reply> refused;
  bool have_quota = std::ranges::all_of(transaction.recipients, [&](const Recipient& recipient) {
    return transaction.with_quota.contains(recipient.address);
  });
  bool is_idle =
      !have_quota || transaction.discard || !transaction.redirect.empty() || context_->is_lmtp();
  if (is_idle) co_return refused;
  std::uint64_t bytes = 0;
  for (const auto& piece : transaction.header->pieces(transaction.body->bytes())) {
    bytes += piece.length == 0 ? piece.text.size() : piece.length;
  }
  // RCPT has asked for that much already.
  if (bytes <= transaction.mail.size.value_or(0)) co_return refused;
  for (const auto& recipient : transaction.recipients) {
    auto asking = ask_for_room(recipient.address, bytes);
    auto found = co_await std::move(asking);
    if (!found) co_return std::nullopt;
    // A client that tries again serves those whose mailbox may have room then.
    if (!refused || found->code() < refused->code()) refused = std::move(found);
  }
  co_return std::move(refused);
}

/// How the header's addresses are completed; null: the header is not changed.
const Completion* Session::header_completion() const {
  bool is_own = has_address_ && is_same_host(peer_.address(), local_.address());
  return context_->completion_for(is_own, is_in_mynetworks_, login_.has_value());
}

/// Applies canonical maps and masquerade_domains to the envelope's sender and, if they may be
/// changed, to the header's addresses; adds the recipients of blind copies.
Task<std::optional<Reply>> Session::rewrite_addresses() {
  HeaderAddresses in_header;
  const auto* completion = header_completion();
  if (completion != nullptr && context_->rewrites_addresses()) {
    HeaderAddresses::Limits limits;
    limits.fields = settings_.header_count_limit;
    limits.field_bytes = settings_.header_size_limit;
    in_header = HeaderAddresses(transaction_->header->text(), *completion, limits);
  }
  Canonicalize ask;
  ask.sender = transaction_->sender;
  ask.in_header = in_header.distinct();
  bool is_idle = ask.sender.empty() && ask.in_header.empty() && !context_->copies_mail();
  if (is_idle) co_return std::nullopt;
  if (!settings_.recipient_bcc_maps.empty()) {
    for (const auto& one : transaction_->recipients) ask.recipients.push_back(one.address);
  }
  auto rewritten = co_await context_->backend().canonicalize(std::move(ask));
  if (!rewritten) {
    Reply reply(451, "4.3.0", "Error: temporary lookup failure");
    log_refusal("reject", reply, std::nullopt);
    co_return std::move(reply);
  }
  transaction_->sender = std::move(rewritten->sender);
  if (context_->copies_mail()) add_blind_copies(transaction_->recipients, rewritten->copies);
  transaction_->header->edit(in_header.edits(rewritten->in_header));
  co_return std::nullopt;
}

/// Applies REDIRECT and BCC of access tables to the recipients.
void Session::redirect_message() {
  auto completed = [this](const std::string& text) {
    auto address = MailAddress::parse(text, Utf8::Allowed);
    return address ? context_->completed(*address).text() : text;
  };
  auto& recipients = transaction_->recipients;
  if (!transaction_->redirect.empty()) redirect_all(recipients, completed(transaction_->redirect));
  for (const auto& text : transaction_->bcc) {
    std::size_t before = recipients.size();
    add_recipient(recipients, completed(text));
    // As in Postfix, the sender gets no report about a copy.
    if (recipients.size() > before) recipients.back().notify = notify_never;
  }
}

Task<Reply> Session::commit() {
  Transaction& transaction = *transaction_;
  std::string id = transaction.id.value();
  const auto replies = transaction.awaited.size();
  if (!transaction.redirect.empty() || !transaction.bcc.empty()) redirect_message();
  Submit message;
  message.envelope = envelope();
  log_message_id(id, message.envelope.message_id);
  if (transaction.discard) {
    log_action("discard", "message discarded", std::nullopt);
    errors_.clear();
    forwarded_.reset();
    transaction_.reset();
    co_return Reply(250, "2.0.0", "Ok: queued as " + id).repeated(replies);
  }
  if (context_->proxy_filter() != nullptr) {
    auto passing = pass_to_filter(std::move(message));
    co_return co_await std::move(passing);
  }
  message.body = transaction.body->take_text();
  transaction.body->hand_over();
  // Nobody waits for what is held.
  if (context_->is_lmtp() && !message.envelope.is_held) {
    auto delivering = deliver(std::move(message));
    co_return co_await std::move(delivering);
  }
  auto submitted = co_await context_->backend().submit(std::move(message));
  forwarded_.reset();
  transaction_.reset();
  if (!submitted) {
    Reply reply(submitted.error());
    log_warning("smtpd", id + ": not queued: " + reply.summary());
    co_return std::move(reply).repeated(replies);
  }
  errors_.clear();
  co_return Reply(250, "2.0.0", "Ok: queued as " + id).repeated(replies);
}

/// The fields that PREPEND of access tables puts on top of the message.
std::string Session::fields_to_prepend() {
  std::string fields;
  for (const auto& field : std::exchange(transaction_->prepend, {})) fields += field + "\n";
  return fields;
}

/// What Received says of the client's certificate, which was asked for.
ReceivedCertificate Session::received_certificate() const {
  ReceivedCertificate received;
  if (!certificate_) return received;
  received.is_shown = true;
  received.name = certificate_->name;
  received.issuer = certificate_->issuer;
  received.is_trusted = certificate_->is_trusted;
  return received;
}

std::string Session::fields_on_top() {
  std::string fields = received(*transaction_);
  bool is_kept = transaction_->mail.requires_tls && settings_.requiretls_esmtp_header &&
                 !header_facts(transaction_->body->header()).requires_tls;
  if (is_kept) add(fields, require_tls_field, "\n");
  return fields + fields_to_prepend();
}

/// RFC 5321 section 4.4; `for` only for a single recipient, so that it discloses no other (section
/// 7.6).
std::string Session::received(const Transaction& transaction) const {
  ReceivedTrace trace;
  trace.helo = helo_.empty() ? client_name_ : helo_;
  if (client_name_ != "unknown") trace.client_name = client_name_;
  trace.client_address = client_address_;
  trace.protocol.esmtp = is_extended_;
  trace.protocol.tls = tls_ != nullptr;
  trace.protocol.authenticated = login_.has_value();
  trace.protocol.smtputf8 = transaction.mail.smtputf8;
  trace.protocol.lmtp = context_->is_lmtp();
  if (tls_ != nullptr && settings_.smtpd_tls_received_header) {
    auto bits = std::to_string(tls_->cipher_bits());
    trace.tls =
        tls_->protocol() + " with cipher " + tls_->cipher() + " (" + bits + "/" + bits + " bits)";
    if (tls_->asks_for_certificate()) trace.certificate = received_certificate();
  }
  if (login_ && settings_.smtpd_sasl_authenticated_header) trace.authenticated = login_->name;
  trace.by = settings_.myhostname;
  trace.mail_name = settings_.mail_name;
  trace.queue_id = transaction.id.value();
  if (transaction.recipients.size() == 1) {
    trace.recipient = transaction.recipients.front().address;
  }
  trace.date = local_date(context_->process().clock->now_seconds());
  return received_field(trace, "\n");
}

/// The fields that are added to a message of our own users and clients if they are missing (RFC
/// 6409 section 8).
std::vector<Edit> Session::submission_fixes(std::string_view header) const {
  const auto* completion = header_completion();
  if (completion == nullptr && !settings_.always_add_missing_headers) return {};
  const Transaction& transaction = *transaction_;
  Submission submission;
  submission.sender = context_->completed(transaction.mail.sender);
  if (context_->rewrites_addresses()) {
    auto sender = MailAddress::parse(transaction.sender, Utf8::Allowed);
    submission.sender = sender ? *std::move(sender) : MailAddress();
  }
  if (completion != nullptr) submission.completion = *completion;
  submission.no_recipients = settings_.undisclosed_recipients_header;
  submission.myhostname = settings_.myhostname;
  auto now = local_date(context_->process().clock->now_seconds());
  submission.unique = std::to_string(now.seconds) + "." + transaction.id.value();
  submission.date = now;
  submission.line_end = "\n";
  submission.fields_max = settings_.header_count_limit;
  submission.field_bytes_max = settings_.header_size_limit;
  return submission_edits(header, submission);
}

/// Applies the last fix-ups and returns what the header says. The fields to drop are determined at
/// the end, since other steps may have added some.
HeaderFacts Session::complete_header() {
  HeaderDraft& header = *transaction_->header;
  if (context_->proxy_filter() != nullptr) return std::move(transaction_->facts);
  header.edit(submission_fixes(header.text()));
  auto facts = std::move(transaction_->facts);
  if (header.is_edited()) facts = header_facts(header.text(), settings_.message_drop_headers);
  header.edit(facts.dropped);
  return facts;
}

/// What is known of a message before its recipients and its content.
Envelope Session::origin() const {
  const Transaction& transaction = *transaction_;
  Envelope envelope;
  envelope.id = transaction.id;
  envelope.arrival = transaction.arrival;
  envelope.sender = transaction.sender;
  envelope.client_name = client_name_;
  envelope.client_address = client_address_;
  envelope.helo = helo_;
  ReceivedProtocol protocol;
  protocol.esmtp = is_extended_;
  protocol.tls = tls_ != nullptr;
  protocol.authenticated = login_.has_value();
  protocol.smtputf8 = transaction.mail.smtputf8;
  protocol.lmtp = context_->is_lmtp();
  envelope.protocol = protocol.text();
  if (login_) {
    envelope.sasl_method = login_->mechanism;
    envelope.sasl_username = login_->name;
  }
  if (forwarded_) forward_origin(envelope);
  envelope.is_smtputf8 = transaction.mail.smtputf8 || !is_ascii(transaction.sender);
  envelope.is_8bit = transaction.mail.body == BodyType::EightBitMime;
  envelope.requires_tls = transaction.mail.requires_tls;
  envelope.ret = ret_of(transaction.mail.ret);
  envelope.envid = transaction.mail.envid.value_or("");
  return envelope;
}

Envelope Session::envelope() {
  Transaction& transaction = *transaction_;
  Body& body = *transaction.body;
  Envelope envelope = origin();
  auto facts = complete_header();
  note_tls_wishes(facts, settings_, envelope);
  envelope.message_id = std::move(facts.message_id);
  envelope.is_8bit = envelope.is_8bit || transaction.scanner->has_8bit();
  envelope.is_held = transaction.hold;
  envelope.is_junk = transaction.junk;
  envelope.filter = transaction.filter;
  if (transaction.mail.verp) {
    const std::string& given = *transaction.mail.verp;
    envelope.verp = given.empty() ? settings_.default_verp_delimiters : given;
  }
  envelope.body_bytes = body.bytes();
  envelope.body_is_file = body.is_file();
  auto line_ends = transaction.scanner->line_ends();
  if (transaction.filtered || context_->copies_mail()) {
    for (const auto& one : transaction.recipients) {
      envelope.is_smtputf8 = envelope.is_smtputf8 || !is_ascii(one.address);
    }
  }
  if (transaction.filtered) {
    const FilteredMessage& filtered = *transaction.filtered;
    envelope.is_8bit = envelope.is_8bit || filtered.has_8bit_edits();
    line_ends = filtered.new_line_ends().value_or(line_ends);
  }
  envelope.body_line_ends = transaction.header->line_ends_left(line_ends);
  envelope.pieces = transaction.header->pieces(body.bytes());
  envelope.recipients = std::move(transaction.recipients);
  return envelope;
}

}  // namespace pennypost::smtp
