#include "smtpd/policy/content_inspection.h"

#include <algorithm>
#include <iterator>

namespace pennypost::smtp {
namespace {

/// `verdict` with what `more`, which came later, adds to it.
void add(ContentVerdict& verdict, ContentVerdict more) {
  auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  if (more.refusal) verdict.refusal = std::move(more.refusal);
  if (more.redirect) verdict.redirect = std::move(more.redirect);
  verdict.is_discarded = verdict.is_discarded || more.is_discarded;
  verdict.is_passed = verdict.is_passed || more.is_passed;
  verdict.is_held = verdict.is_held || more.is_held;
  append(verdict.bcc, more.bcc);
  if (more.filter) verdict.filter = std::move(more.filter);
  append(verdict.header_edits, more.header_edits);
  append(verdict.body_edits, more.body_edits);
  verdict.line_ends += more.line_ends;
}

bool is_final(const ContentVerdict& verdict) {
  return verdict.refusal || verdict.is_discarded || verdict.is_passed;
}

}  // namespace

void ContentInspection::begin(std::string header, std::uint64_t body_offset) {
  scanner_.reset();
  waiting_.clear();
  actions_bytes_ = 0;
  milliseconds_left_ = static_cast<std::uint32_t>(content_checks_time_max.count());
  auto tables = ContentTables::of(settings_, scope_);
  if (tables.want_parts()) {
    std::uint64_t body_bytes = tables.body.empty() ? 0 : settings_.body_checks_size_limit;
    scanner_.emplace(header, body_offset, body_bytes);
  }
  waiting_.push_back({MimeBlock::Kind::Header, 0, std::move(header)});
}

bool ContentInspection::feed(std::string_view piece) {
  if (!scanner_) return false;
  scanner_->feed(piece);
  return scanner_->gathered() >= checked_at_once_bytes;
}

void ContentInspection::finish() {
  if (scanner_) scanner_->finish();
}

Task<Result<ContentVerdict>> ContentInspection::check(LogTransaction line) {
  if (scanner_) {
    auto found = scanner_->take();
    std::ranges::move(found, std::back_inserter(waiting_));
  }
  auto blocks = std::exchange(waiting_, {});
  ContentVerdict verdict;
  for (std::size_t from = 0; from < blocks.size() && !is_final(verdict);
       from += content_blocks_max) {
    auto first = blocks.begin() + static_cast<std::ptrdiff_t>(from);
    auto last =
        first + static_cast<std::ptrdiff_t>(std::min(blocks.size() - from, content_blocks_max));
    std::vector<MimeBlock> some(std::make_move_iterator(first), std::make_move_iterator(last));
    auto asking = ask(std::move(some), line);
    CO_TRY(auto more, co_await std::move(asking));
    add(verdict, std::move(more));
  }
  if (is_final(verdict)) scanner_.reset();
  co_return std::move(verdict);
}

Task<Result<ContentVerdict>> ContentInspection::ask(std::vector<MimeBlock> blocks,
                                                    const LogTransaction& line) {
  CheckContent request;
  request.service = service_;
  request.scope = scope_;
  request.blocks = blocks;
  request.milliseconds_left = milliseconds_left_;
  auto asking = ask_(std::move(request));
  CO_TRY(auto findings, co_await std::move(asking));
  milliseconds_left_ = findings.milliseconds_left;
  for (const auto& finding : findings.list) {
    actions_bytes_ += sizeof finding + finding.action.text.size();
  }
  if (actions_bytes_ > content_actions_bytes_max) co_return too_many_actions();
  co_return carry_out(findings, blocks, line, scope_);
}

}  // namespace pennypost::smtp
