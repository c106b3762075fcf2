#include "smtpd/policy/milter_header_checks.h"

namespace pennypost::smtp {

Task<Result<std::string>> MilterHeaderChecks::check(std::string field, LogTransaction line) {
  if (!are_set_ || verdict_.refusal || verdict_.is_discarded) co_return std::move(field);
  CheckContent request;
  request.service = service_;
  request.scope = ContentScope::Milter;
  MimeBlock& block = request.blocks.emplace_back();
  block.kind = MimeBlock::Kind::Header;
  block.text = field;
  auto blocks = request.blocks;
  auto asking = ask_(std::move(request));
  CO_TRY(auto findings, co_await std::move(asking));
  CO_TRY(auto found, carry_out(findings, blocks, line, ContentScope::Milter));
  field = edited(field, found.header_edits);
  if (found.refusal) verdict_.refusal = std::move(found.refusal);
  verdict_.is_discarded = verdict_.is_discarded || found.is_discarded;
  verdict_.is_held = verdict_.is_held || found.is_held;
  if (found.redirect) verdict_.redirect = std::move(found.redirect);
  if (found.filter) verdict_.filter = std::move(found.filter);
  for (auto& address : found.bcc) verdict_.bcc.push_back(std::move(address));
  co_return std::move(field);
}

}  // namespace pennypost::smtp
