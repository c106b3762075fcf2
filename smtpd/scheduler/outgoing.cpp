#include "smtpd/scheduler/outgoing.h"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "smtpd/delivery/message_source.h"
#include "smtpd/policy/content_inspection.h"
#include "smtpd/queue/incoming_header.h"
#include "smtpd/routing/header_addresses.h"
#include "smtpd/scheduler/piece_cursor.h"

namespace pennypost::smtp {
namespace {

/// What may stand in the queue as a header: what came in, and what was put on top of it.
constexpr std::size_t header_bytes_max = 2 * header_block_bytes_max;

ContentScope scope_of(Transport transport) {
  return transport == Transport::Lmtp ? ContentScope::Lmtp : ContentScope::Smtp;
}

bool has_generic_maps(const Config& config, Transport transport) {
  const auto& maps =
      transport == Transport::Lmtp ? config.lmtp_generic_maps : config.smtp_generic_maps;
  return !maps.empty();
}

std::uint64_t line_ends(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

/// One request under change.
class Change {
 public:
  Change(Loop& loop, Port& lookup, std::shared_ptr<const Config> config, Attempt& request,
         MessageSource source)
      : loop_(loop),
        lookup_(lookup),
        config_(std::move(config)),
        request_(request),
        source_(std::move(source)) {}

  Task<Result<void>> run() {
    CO_TRY_DO(co_await read_header());
    auto scope = scope_of(request_.route.transport);
    if (has_content_checks(*config_, scope)) {
      CO_TRY_DO(co_await check_content(scope));
    }
    if (has_generic_maps(*config_, request_.route.transport)) {
      CO_TRY_DO(co_await rewrite_addresses());
    }
    put_pieces();
    co_return Result<void>();
  }

 private:
  /// Reads up to the end of the header, and perhaps some of the body.
  Task<Result<void>> read_header() {
    for (bool is_whole = false; !end_.is_found;) {
      if (text_.size() > header_bytes_max) co_return header_too_long();
      CO_TRY(auto bytes, co_await source_.next(loop_));
      is_whole = bytes.empty();
      text_ += bytes;
      end_ = find_header_end(text_, is_whole);
    }
    header_ = text_.substr(0, end_.bytes);
    header_line_ends_ = line_ends(header_);
    co_return Result<void>();
  }

  /// The next octets of the body; empty at its end.
  Task<Result<std::string_view>> next_of_body() {
    if (text_.size() > end_.body_offset()) {
      read_ = text_.substr(end_.body_offset());
      text_.clear();
      co_return std::string_view(read_);
    }
    co_return co_await source_.next(loop_);
  }

  Task<Result<void>> check_content(ContentScope scope) {
    auto ask = [this](CheckContent what) { return lookup_.call(std::move(what)); };
    ContentInspection inspection(ask, "", *config_, scope);
    inspection.begin(header_, end_.body_offset());
    LogTransaction line;
    line.queue_id = request_.envelope.id.value();
    for (bool is_whole = false;;) {
      auto checking = inspection.check(line);
      auto verdict = co_await std::move(checking);
      if (!verdict) co_return Error::temporary("4.3.0", verdict.error().text());
      apply(*std::move(verdict));
      if (is_whole) co_return Result<void>();
      for (bool is_due = false; !is_due && !is_whole;) {
        CO_TRY(auto piece, co_await next_of_body());
        is_whole = piece.empty() || !inspection.wants_more();
        if (!is_whole) is_due = inspection.feed(piece);
      }
      if (is_whole) inspection.finish();
    }
  }

  void apply(ContentVerdict verdict) {
    request_.envelope.is_8bit = request_.envelope.is_8bit || verdict.has_8bit_edits();
    if (!verdict.header_edits.empty()) header_ = edited(header_, verdict.header_edits);
    std::ranges::move(verdict.body_edits, std::back_inserter(body_edits_));
    line_ends_erased_ += verdict.line_ends;
  }

  Task<Result<void>> rewrite_addresses() {
    HeaderAddresses::Limits limits;
    limits.fields = config_->header_count_limit;
    limits.field_bytes = config_->header_size_limit;
    HeaderAddresses in_header(header_, Completion(), limits);
    auto& recipients = request_.envelope.recipients;
    Generalize ask;
    ask.transport = request_.route.transport;
    ask.sender = request_.envelope.sender;
    for (const auto& one : recipients) ask.others.push_back(one.address);
    for (const auto& one : in_header.distinct()) ask.others.push_back(one.text);
    auto asking = lookup_.call(std::move(ask));
    CO_TRY(auto rewritten, co_await std::move(asking));
    if (rewritten.others.size() != recipients.size() + in_header.distinct().size()) {
      co_return Error::temporary("4.3.0", "the look-up of generic maps gave no proper answer");
    }
    request_.envelope.sender = std::move(rewritten.sender);
    for (std::size_t i = 0; i < recipients.size(); ++i) {
      recipients[i].address = std::move(rewritten.others[i]);
    }
    auto first = rewritten.others.begin() + static_cast<std::ptrdiff_t>(recipients.size());
    rewritten.others.erase(rewritten.others.begin(), first);
    header_ = edited(header_, in_header.edits(rewritten.others));
    co_return Result<void>();
  }

  void put_pieces() {
    Envelope& envelope = request_.envelope;
    PieceCursor cursor(envelope.pieces);
    std::vector<Piece> pieces;
    Piece header;
    header.text = std::move(header_);
    if (!header.text.empty()) pieces.push_back(std::move(header));
    cursor.skip(end_.bytes);
    for (const auto& edit : body_edits_) {
      cursor.copy(edit.offset - cursor.offset(), pieces);
      Piece insert;
      insert.text = edit.insert;
      if (!insert.text.empty()) pieces.push_back(std::move(insert));
      cursor.skip(edit.erase);
    }
    cursor.copy_rest(pieces);
    // Those of text are counted with the text; of the erased ones some were of text, too.
    std::uint64_t erased = header_line_ends_ + line_ends_erased_ - cursor.text_line_ends_skipped();
    envelope.body_line_ends -= std::min(erased, envelope.body_line_ends);
    envelope.pieces = std::move(pieces);
  }

  Loop& loop_;
  Port& lookup_;
  std::shared_ptr<const Config> config_;
  Attempt& request_;
  MessageSource source_;
  std::string text_;  // the header, and what of the body was read with it
  std::string read_;
  HeaderEnd end_;
  std::string header_;                  // in its present state
  std::uint64_t header_line_ends_ = 0;  // as it was read
  std::vector<Edit> body_edits_;        // of the whole message as it is stored
  std::uint64_t line_ends_erased_ = 0;  // by them
};

}  // namespace

bool changes_outgoing(const Config& config, Transport transport) {
  return is_sent(transport) &&
         (has_generic_maps(config, transport) || has_content_checks(config, scope_of(transport)));
}

Task<Result<void>> change_outgoing(Loop& loop, Port& lookup, std::shared_ptr<const Config> config,
                                   Attempt& request, const Descriptor& body) {
  Descriptor own;
  if (body) own = Descriptor(::fcntl(body.number(), F_DUPFD_CLOEXEC, 3));
  MessageSource source(request.envelope, request.body, std::move(own));
  Change change(loop, lookup, std::move(config), request, std::move(source));
  auto work = change.run();
  co_return co_await std::move(work);
}

}  // namespace pennypost::smtp
