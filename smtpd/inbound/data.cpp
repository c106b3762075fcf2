// DATA and BDAT: a message's content, from the wire to the queue.

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/fixups.h"
#include "smtpd/inbound/session.h"
#include "smtpd/routing/header_addresses.h"

namespace pennypost::smtp {
namespace {

// A client that goes on sending beyond this many times message_size_limit is cut off.
constexpr std::uint64_t oversize_factor_max = 10;
// The octets of a refused chunk are read and thrown away up to message_size_limit, or to this where
// there is none; to skip more would cost both sides more than another connection.
constexpr std::uint64_t refused_chunk_bytes_max = 100 * 1024 * 1024;

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

/// `BDAT count [LAST]`.
struct Chunk {
  std::uint64_t bytes;
  bool is_last;

  static std::optional<Chunk> parse(std::string_view arguments) {
    auto given = words(arguments, " \t");
    if (given.empty() || given.size() > 2) return std::nullopt;
    auto bytes = parse_number(given[0]);
    bool is_last = given.size() == 2 && equal_nocase(given[1], "LAST");
    if (!bytes || (given.size() == 2 && !is_last)) return std::nullopt;
    return Chunk{*bytes, is_last};
  }
};

}  // namespace

void Session::end_transaction() {
  if (!transaction_) return;
  filters_.abort();
  transaction_.reset();
}

/// What DATA and BDAT need before content may come.
Task<std::optional<Reply>> Session::check_data() {
  if (!transaction_) co_return Reply(503, "5.5.1", "Error: need MAIL command");
  if (transaction_->recipients.empty()) {
    co_return Reply(554, "5.5.1", "Error: no valid recipients");
  }
  auto checking = check("smtpd_data_restrictions", !settings_.smtpd_data_restrictions.empty());
  co_return co_await std::move(checking);
}

void Session::begin_content(DataScanner::Ends ends) {
  transaction_->body = std::make_unique<Body>(site_->loop(), site_->backend(), transaction_->id);
  transaction_->scanner = std::make_unique<DataScanner>(ends, site_->data_limits());
}

/// RFC 5321 section 4.1.1.4.
Task<Reply> Session::data(std::string_view arguments) {
  if (!arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: DATA");
  if (transaction_ && transaction_->body) co_return Reply(503, "5.5.1", "Error: DATA after BDAT");
  auto checking = check_data();
  auto refused = co_await std::move(checking);
  if (refused) co_return *std::move(refused);
  begin_content(DataScanner::Ends::WithDot);
  connection_.put("354 End data with <CR><LF>.<CR><LF>\r\n");
  co_await receive_content();
  auto finishing = finish_message();
  co_return co_await std::move(finishing);
}

/// Until CRLF.CRLF, or until the client is past listening to.
Task<> Session::receive_content() {
  DataScanner& scanner = *transaction_->scanner;
  Body& body = *transaction_->body;
  auto burst_bytes = static_cast<std::size_t>(settings_.bytes_per_burst);
  std::size_t burst = 0;
  while (!scanner.is_done()) {
    if (!connection_.has_input()) co_await connection_.fill();
    std::size_t shown = body.tail().size();
    std::size_t count = scanner.scan(connection_.buffered(), body.tail());
    connection_.consume(count);
    if (auto fault = fault_reply(); fault && fault->ends_session()) co_return;
    if (!filters_.empty()) {
      auto showing = show_filters(shown);
      auto refused = co_await std::move(showing);
      if (refused) transaction_->is_refused = true;
    }
    if (body.tail().size() > inline_body_bytes_max) co_await body.settle();
    burst += count;
    if (burst > burst_bytes) {
      burst = 0;
      co_await site_->loop().yield();
    }
  }
}

/// The content from `from` on goes to the filters as it comes.
Task<std::optional<Reply>> Session::show_filters(std::size_t from) {
  auto piece = std::string_view(transaction_->body->tail()).substr(from);
  FilterAnswer answer = co_await filters_.content(piece);
  co_return weigh(answer, "");
}

/// RFC 3030 section 2: the chunk's bytes follow at once, whatever we think of them.
Task<Reply> Session::bdat(std::string_view arguments) {
  auto chunk = Chunk::parse(arguments);
  // Nobody knows where the next command begins.
  if (!chunk) co_return Reply(501, "5.5.4", "Syntax: BDAT count [LAST]").and_hang_up();
  auto bytes_max = site_->message_bytes_max();
  if (bytes_max != 0 && chunk->bytes / oversize_factor_max > bytes_max) {
    co_return Reply(552, "5.3.4", "Chunk exceeds message size limit").and_hang_up();
  }
  if (!transaction_ || !transaction_->body) {
    auto checking = check_data();
    auto refused = co_await std::move(checking);
    if (refused) {
      auto skipping = skip_chunk(chunk->bytes, *std::move(refused));
      co_return co_await std::move(skipping);
    }
    begin_content(DataScanner::Ends::WithCount);
  }
  if (transaction_->is_refused) {
    if (chunk->is_last) end_transaction();
    Reply refused(503, "5.5.1", "Error: an earlier chunk was refused");
    auto skipping = skip_chunk(chunk->bytes, std::move(refused));
    co_return co_await std::move(skipping);
  }
  // An empty chunk gets nothing done.
  if (chunk->bytes == 0 && !chunk->is_last) errors_.note_junk();
  co_await receive_chunk(chunk->bytes);
  if (chunk->is_last) {
    transaction_->scanner->finish(transaction_->body->tail());
    auto finishing = finish_message();
    co_return co_await std::move(finishing);
  }
  if (auto fault = fault_reply()) {
    transaction_->is_refused = true;
    co_return *std::move(fault);
  }
  co_return Reply(250, "2.0.0", "Ok: " + std::to_string(chunk->bytes) + " bytes");
}

Task<> Session::receive_chunk(std::uint64_t bytes) {
  Body& body = *transaction_->body;
  auto burst_bytes = static_cast<std::size_t>(settings_.bytes_per_burst);
  std::size_t burst = 0;
  while (bytes > 0) {
    if (!connection_.has_input()) co_await connection_.fill();
    auto piece = connection_.buffered();
    piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece.size())));
    std::size_t shown = body.tail().size();
    transaction_->scanner->scan(piece, body.tail());
    bytes -= piece.size();
    burst += piece.size();
    connection_.consume(piece.size());
    if (!filters_.empty()) {
      auto showing = show_filters(shown);
      auto refused = co_await std::move(showing);
      if (refused) transaction_->is_refused = true;
    }
    if (body.tail().size() > inline_body_bytes_max) co_await body.settle();
    if (burst > burst_bytes) {
      burst = 0;
      co_await site_->loop().yield();
    }
  }
}

/// A BDAT that may not even be looked at: its octets follow all the same.
Task<Reply> Session::refuse_chunk(std::string_view arguments, Reply refusal) {
  auto chunk = Chunk::parse(arguments);
  if (!chunk) co_return std::move(refusal).and_hang_up();
  auto skipping = skip_chunk(chunk->bytes, std::move(refusal));
  co_return co_await std::move(skipping);
}

/// Reads and throws away the bytes of a chunk that is not wanted; of one too large to skip the
/// connection is closed.
Task<Reply> Session::skip_chunk(std::uint64_t bytes, Reply refusal) {
  auto bytes_max = site_->message_bytes_max();
  if (bytes_max == 0) bytes_max = refused_chunk_bytes_max;
  if (bytes > bytes_max) co_return std::move(refusal).and_hang_up();
  auto burst_bytes = static_cast<std::uint64_t>(settings_.bytes_per_burst);
  std::uint64_t burst = 0;
  while (bytes > 0) {
    if (!connection_.has_input()) co_await connection_.fill();
    auto count = std::min<std::uint64_t>(bytes, connection_.buffered().size());
    connection_.consume(static_cast<std::size_t>(count));
    bytes -= count;
    burst += count;
    if (burst > burst_bytes) {
      burst = 0;
      co_await site_->loop().yield();
    }
  }
  co_return std::move(refusal);
}

/// Why the content can't be taken; nothing when it can.
std::optional<Reply> Session::fault_reply() const {
  const DataScanner& scanner = *transaction_->scanner;
  switch (scanner.fault()) {
    case DataScanner::Fault::None:
      return std::nullopt;
    case DataScanner::Fault::BareLf:
      return Reply(550, "5.5.2", "Error: bare <LF> received").and_hang_up();
    case DataScanner::Fault::BareCr:
      return Reply(550, "5.5.2", "Error: bare <CR> received").and_hang_up();
    case DataScanner::Fault::LineTooLong:
      return Reply(554, "5.6.0",
                   "Error: a line is longer than " +
                       std::to_string(settings_.smtpd_line_length_limit) + " bytes");
    case DataScanner::Fault::TooBig: {
      Reply reply(552, "5.3.4", "Error: message file too big");
      if (scanner.octets() / oversize_factor_max > site_->message_bytes_max()) {
        return std::move(reply).and_hang_up();
      }
      return reply;
    }
  }
  return std::nullopt;
}

/// The content is here. The transaction ends, whatever comes of it.
Task<Reply> Session::finish_message() {
  stage_ = "END-OF-MESSAGE";
  if (auto fault = fault_reply()) {
    log_refusal("reject", fault->summary(), std::nullopt);
    end_transaction();
    co_return *std::move(fault);
  }
  if (transaction_->is_refused) {
    end_transaction();
    co_return Reply(554, "5.7.1", "Error: message refused");
  }
  Body& body = *transaction_->body;
  auto stored = co_await body.finish();
  std::optional<Reply> refused;
  if (!stored) refused.emplace(stored.error());
  auto facts = header_facts(body.header(), settings_.message_drop_headers);
  if (!refused && facts.hops > static_cast<std::size_t>(settings_.hopcount_limit)) {
    refused.emplace(554, "5.4.0", "Error: too many hops");
    log_refusal("reject", refused->summary(), std::nullopt);
  }
  if (!refused) {
    auto checking =
        check("smtpd_end_of_data_restrictions", !settings_.smtpd_end_of_data_restrictions.empty());
    refused = co_await std::move(checking);
  }
  FilterEdits edits;
  if (!refused && !filters_.empty()) {
    FilterAnswer answer = co_await filters_.header(body.header(), edits);
    refused = weigh(answer, "");
    if (!refused && answer.kind() == FilterAnswer::Kind::Continue) {
      FilterAnswer last = co_await filters_.end(edits);
      refused = weigh(last, "");
    }
  }
  if (!refused && site_->rewrites_addresses() && !transaction_->discard) {
    auto rewriting = rewrite_addresses();
    refused = co_await std::move(rewriting);
  }
  if (refused) {
    end_transaction();
    co_return *std::move(refused);
  }
  auto committing = commit(edits, std::move(facts));
  co_return co_await std::move(committing);
}

/// As canonical maps have it: the envelope's sender, and the header's addresses for clients whose
/// headers are ours to complete.
Task<std::optional<Reply>> Session::rewrite_addresses() {
  bool is_own = is_same_host(peer_.address(), local_.address());
  HeaderAddresses in_header;
  if (site_->completes_headers(is_own, is_in_mynetworks_, login_.has_value())) {
    HeaderAddresses::Limits limits;
    limits.fields = static_cast<std::size_t>(settings_.header_count_limit);
    limits.field_bytes = static_cast<std::size_t>(settings_.header_size_limit);
    in_header = HeaderAddresses(transaction_->body->header(), site_->completion(), limits);
  }
  Canonicalize ask;
  ask.sender = transaction_->sender;
  ask.in_header = in_header.distinct();
  if (ask.sender.empty() && ask.in_header.empty()) co_return std::nullopt;
  auto rewritten = co_await site_->backend().canonicalize(std::move(ask));
  if (!rewritten) {
    Reply reply(451, "4.3.0", "Error: temporary lookup failure");
    log_refusal("reject", reply.summary(), std::nullopt);
    co_return std::move(reply);
  }
  transaction_->sender = std::move(rewritten->sender);
  transaction_->rewriting = in_header.edits(rewritten->in_header);
  co_return std::nullopt;
}

Task<Reply> Session::commit(const FilterEdits& edits, HeaderFacts facts) {
  Transaction& transaction = *transaction_;
  std::string id = transaction.id.value();
  Submit message;
  message.envelope = envelope(edits, std::move(facts));
  log_message_id(id, message.envelope.message_id);
  if (transaction.discard) {
    log_refusal("discard", "message thrown away", std::nullopt);
    errors_.clear();
    transaction_.reset();
    co_return Reply(250, "2.0.0", "Ok: queued as " + id);
  }
  message.body = transaction.body->take_text();
  transaction.body->hand_over();
  auto submitted = co_await site_->backend().submit(std::move(message));
  transaction_.reset();
  if (!submitted) {
    Reply reply(submitted.error());
    log_warning("smtpd", id + ": not queued: " + reply.summary());
    co_return std::move(reply);
  }
  errors_.clear();
  co_return Reply(250, "2.0.0", "Ok: queued as " + id);
}

/// RFC 5321 section 4.4; `for` only where it gives no other recipient away (section 7.6).
std::string Session::received(const Transaction& transaction) const {
  ReceivedTrace trace;
  trace.helo = helo_.empty() ? client_name_ : helo_;
  if (client_name_ != "unknown") trace.client_name = client_name_;
  trace.client_address = client_address_;
  trace.protocol.esmtp = is_extended_;
  trace.protocol.tls = tls_ != nullptr;
  trace.protocol.authenticated = login_.has_value();
  trace.protocol.smtputf8 = transaction.mail.smtputf8;
  if (tls_ != nullptr && settings_.smtpd_tls_received_header) {
    auto bits = std::to_string(tls_->cipher_bits());
    trace.tls =
        tls_->protocol() + " with cipher " + tls_->cipher() + " (" + bits + "/" + bits + " bits)";
  }
  trace.by = settings_.myhostname;
  trace.mail_name = settings_.mail_name;
  trace.queue_id = transaction.id.value();
  if (transaction.recipients.size() == 1) {
    trace.recipient = transaction.recipients.front().address;
  }
  trace.date = local_date(site_->in().clock->now_seconds());
  return received_field(trace, "\n");
}

/// What a message of our own users and clients gets where it lacks it (RFC 6409 section 8).
std::vector<Edit> Session::submission_fixes(std::string_view header) const {
  bool is_own = is_same_host(peer_.address(), local_.address());
  if (!site_->completes_headers(is_own, is_in_mynetworks_, login_.has_value())) return {};
  const Transaction& transaction = *transaction_;
  Submission submission;
  submission.sender = site_->completed(transaction.mail.sender);
  if (site_->rewrites_addresses()) {
    auto sender = MailAddress::parse(transaction.sender, Utf8::Allowed);
    submission.sender = sender ? *std::move(sender) : MailAddress();
  }
  submission.completion = site_->completion();
  submission.myhostname = settings_.myhostname;
  auto now = local_date(site_->in().clock->now_seconds());
  submission.unique = std::to_string(now.seconds) + "." + transaction.id.value();
  submission.date = now;
  submission.line_end = "\n";
  submission.fields_max = static_cast<std::size_t>(settings_.header_count_limit);
  submission.field_bytes_max = static_cast<std::size_t>(settings_.header_size_limit);
  return submission_edits(header, submission);
}

/// `facts`: of the header as the client sent it.
Envelope Session::envelope(const FilterEdits& filter_edits, HeaderFacts facts) {
  Transaction& transaction = *transaction_;
  Body& body = *transaction.body;
  auto header = body.header();

  std::string top = received(transaction);
  for (const std::string& field : transaction.prepend) top += field + "\n";
  top += filter_edits.on_top;
  auto edits = filter_edits.header;
  if (edits.empty()) edits = submission_fixes(header);
  bool is_rewritten = !transaction.rewriting.empty();
  if (is_rewritten) edits = with_rewriting(std::move(edits), std::move(transaction.rewriting));

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
  envelope.protocol = protocol.text();
  if (login_) {
    envelope.sasl_method = login_->mechanism;
    envelope.sasl_username = login_->name;
  }
  if (!edits.empty()) facts.message_id = header_facts(edited(header, edits)).message_id;
  edits = with_dropped(std::move(edits), facts.dropped);
  envelope.message_id = std::move(facts.message_id);
  envelope.is_smtputf8 = transaction.mail.smtputf8 || !is_ascii(transaction.sender);
  envelope.is_8bit =
      transaction.mail.body == BodyType::EightBitMime || transaction.scanner->has_8bit();
  envelope.is_held = transaction.hold;
  envelope.ret = ret_of(transaction.mail.ret);
  envelope.envid = transaction.mail.envid.value_or("");
  envelope.body_bytes = body.bytes();
  envelope.body_is_file = body.is_file();
  envelope.body_line_ends = line_ends_left(header, edits, transaction.scanner->line_ends());
  envelope.pieces = incoming_pieces(top, body.header_end(), edits, body.bytes());
  envelope.recipients = std::move(transaction.recipients);
  return envelope;
}

}  // namespace pennypost::smtp
