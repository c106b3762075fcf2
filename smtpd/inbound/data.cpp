// DATA and BDAT: receives a message's content.
//
// SEE ALSO   content.cpp (what becomes of it)

#include <algorithm>

#include "common/base/text.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {
namespace {

// A client that sends more than message_size_limit times this is disconnected.
constexpr std::uint64_t oversize_factor_max = 10;
// A refused chunk is read and discarded if it is no larger than message_size_limit, or than this if
// there is no limit; skipping more would cost both sides more than a new connection.
constexpr std::uint64_t refused_chunk_bytes_max = 100 * 1024 * 1024;

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
  forwarded_.reset();
  if (!transaction_) return;
  filters_.abort();
  transaction_.reset();
}

/// Checks what DATA and BDAT require before the content.
Task<std::optional<Reply>> Session::check_data() {
  if (!transaction_) co_return Reply(503, "5.5.1", "Error: need MAIL command");
  if (transaction_->recipients.empty()) {
    co_return Reply(554, "5.5.1", "Error: no valid recipients");
  }
  auto checking = check("smtpd_data_restrictions", !settings_.smtpd_data_restrictions.empty());
  auto refused = co_await std::move(checking);
  if (!refused && milters_) {
    auto telling = tell_milters_data();
    refused = co_await std::move(telling);
  }
  co_return std::move(refused);
}

void Session::begin_content(DataScanner::Ends ends) {
  transaction_->body =
      std::make_unique<Body>(context_->loop(), context_->backend(), transaction_->id);
  transaction_->scanner = std::make_unique<DataScanner>(ends, context_->data_limits());
}

/// RFC 5321 section 4.1.1.4.
Task<Reply> Session::data(std::string_view arguments) {
  if (!arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: DATA");
  if (transaction_ && transaction_->body) co_return Reply(503, "5.5.1", "Error: DATA after BDAT");
  auto checking = check_data();
  auto refused = co_await std::move(checking);
  if (!refused && transaction_->proxied) {
    auto asking = ask_proxy_for_data();
    refused = co_await std::move(asking);
  }
  if (refused) co_return *std::move(refused);
  begin_content(DataScanner::Ends::WithDot);
  put("354 End data with <CR><LF>.<CR><LF>\r\n");
  co_await receive_content();
  auto finishing = finish_message();
  co_return co_await std::move(finishing);
}

/// Receives content until CRLF.CRLF, or until the client is to be disconnected.
Task<> Session::receive_content() {
  DataScanner& scanner = *transaction_->scanner;
  Body& body = *transaction_->body;
  auto burst_bytes = settings_.bytes_per_burst;
  std::size_t burst = 0;
  while (!scanner.is_done()) {
    if (!connection_.has_input()) co_await connection_.fill();
    std::size_t count = scanner.scan(connection_.buffered(), body.tail());
    connection_.consume(count);
    if (auto fault = fault_reply(); fault && fault->ends_session()) co_return;
    if (body.tail().size() > inline_body_bytes_max) co_await take_out_of_memory();
    burst += count;
    if (burst > burst_bytes) {
      burst = 0;
      co_await context_->loop().yield();
    }
  }
}

/// Passes content that is too large for memory to the filters and writes it to a file; after a
/// refusal it is discarded.
Task<> Session::take_out_of_memory() {
  if (filters_.want_message()) {
    auto showing = show_filters(false);
    co_await std::move(showing);
  }
  Body& body = *transaction_->body;
  if (transaction_->refusal) {
    body.tail().clear();
  } else {
    co_await body.settle();
  }
}

/// RFC 3030 section 2: the chunk follows at once, even if we refuse it.
Task<Reply> Session::bdat(std::string_view arguments) {
  auto chunk = Chunk::parse(arguments);
  // Without the count there is no way to know where the next command begins.
  if (!chunk) co_return Reply(501, "5.5.4", "Syntax: BDAT count [LAST]").and_hang_up();
  if (!context_->message_bytes_max().allows(chunk->bytes / oversize_factor_max)) {
    co_return Reply(552, "5.3.4", "Chunk exceeds message size limit").and_hang_up();
  }
  if (!transaction_ || !transaction_->body) {
    auto checking = check_data();
    auto refused = co_await std::move(checking);
    if (refused) {
      auto times = chunk->is_last && transaction_ ? transaction_->awaited.size() : 1;
      auto skipping = skip_chunk(chunk->bytes, std::move(*refused).repeated(times));
      co_return co_await std::move(skipping);
    }
    begin_content(DataScanner::Ends::WithCount);
  }
  if (transaction_->refusal) {
    auto times = chunk->is_last ? transaction_->awaited.size() : 1;
    if (chunk->is_last) end_transaction();
    Reply refused(503, "5.5.1", "Error: an earlier chunk was refused");
    auto skipping = skip_chunk(chunk->bytes, std::move(refused).repeated(times));
    co_return co_await std::move(skipping);
  }
  // An empty chunk counts as a junk command.
  if (chunk->bytes == 0 && !chunk->is_last) errors_.note_junk();
  co_await receive_chunk(chunk->bytes);
  if (chunk->is_last) {
    transaction_->scanner->finish(transaction_->body->tail());
    auto finishing = finish_message();
    co_return co_await std::move(finishing);
  }
  if (auto fault = fault_reply()) transaction_->refusal = std::move(fault);
  if (transaction_->refusal) co_return *transaction_->refusal;
  co_return Reply(250, "2.0.0", "Ok: " + std::to_string(chunk->bytes) + " bytes");
}

Task<> Session::receive_chunk(std::uint64_t bytes) {
  Body& body = *transaction_->body;
  auto burst_bytes = settings_.bytes_per_burst;
  std::size_t burst = 0;
  while (bytes > 0) {
    if (!connection_.has_input()) co_await connection_.fill();
    auto piece = connection_.buffered();
    piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece.size())));
    transaction_->scanner->scan(piece, body.tail());
    bytes -= piece.size();
    burst += piece.size();
    connection_.consume(piece.size());
    if (body.tail().size() > inline_body_bytes_max) co_await take_out_of_memory();
    if (burst > burst_bytes) {
      burst = 0;
      co_await context_->loop().yield();
    }
  }
}

/// Refuses a BDAT that may not be executed; its octets must be skipped all the same.
Task<Reply> Session::refuse_chunk(std::string_view arguments, Reply refusal) {
  auto chunk = Chunk::parse(arguments);
  if (!chunk) co_return std::move(refusal).and_hang_up();
  auto skipping = skip_chunk(chunk->bytes, std::move(refusal));
  co_return co_await std::move(skipping);
}

/// Reads and discards a refused chunk; closes the connection if it is too large to skip.
Task<Reply> Session::skip_chunk(std::uint64_t bytes, Reply refusal) {
  Limit bytes_max = context_->message_bytes_max();
  if (bytes_max.is_none()) bytes_max = Limit(refused_chunk_bytes_max);
  if (!bytes_max.allows(bytes)) co_return std::move(refusal).and_hang_up();
  auto burst_bytes = settings_.bytes_per_burst;
  std::uint64_t burst = 0;
  while (bytes > 0) {
    if (!connection_.has_input()) co_await connection_.fill();
    auto count = std::min<std::uint64_t>(bytes, connection_.buffered().size());
    connection_.consume(static_cast<std::size_t>(count));
    bytes -= count;
    burst += count;
    if (burst > burst_bytes) {
      burst = 0;
      co_await context_->loop().yield();
    }
  }
  co_return std::move(refusal);
}

/// Why the content is refused; nothing if it is not.
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
      if (!context_->message_bytes_max().allows(scanner.octets() / oversize_factor_max)) {
        return std::move(reply).and_hang_up();
      }
      return reply;
    }
  }
  return std::nullopt;
}

}  // namespace pennypost::smtp
