#include "common/mailauth/arc.h"

#include "common/mailauth/dkim.h"

namespace pennypost {

std::string_view name_of(ArcStatus status) {
  switch (status) {
    case ArcStatus::None:
      return "none";
    case ArcStatus::Pass:
      return "pass";
    case ArcStatus::Fail:
      return "fail";
    case ArcStatus::TempError:
      return "temperror";
  }
  return "?";
}

ArcVerifier::ArcVerifier(std::string header, std::int64_t now_seconds)
    : text_(std::move(header)), now_(now_seconds), header_(text_), chain_(ArcChain::of(header_)) {
  BodyForms forms;
  if (!chain_.sets.empty()) forms.add(chain_.sets.back().message.body_form);
  hasher_.emplace(forms);
}

Task<ArcResult> ArcVerifier::result(Loop& loop, Resolver& resolver, Duration time_max) {
  hasher_->finish();
  ArcResult result;
  if (chain_.is_empty()) co_return result;
  result.status = ArcStatus::Fail;
  result.reason = chain_.mistake;
  if (chain_.sets.empty()) co_return result;
  auto verifying = verify(resolver);
  auto done = co_await within(loop, time_max, std::move(verifying));
  Result<void> verdict = done ? *done : Error::temporary("no answer from DNS in time");
  if (!verdict) {
    result.reason = verdict.error().text();
    if (verdict.error().is_temporary()) result.status = ArcStatus::TempError;
    co_return result;
  }
  result.status = ArcStatus::Pass;
  for (const auto& set : chain_.sets) {
    result.hops.push_back({set.seal.domain, set.seal.selector, set.results});
  }
  co_return result;
}

Task<Result<void>> ArcVerifier::verify(Resolver& resolver) {
  CO_TRY_DO(co_await verify_message(resolver));
  co_return co_await verify_seals(resolver);
}

/// RFC 8617 section 5.2, step 4: older message signatures are expected to be broken by now.
Task<Result<void>> ArcVerifier::verify_message(Resolver& resolver) {
  const ArcSet& newest = chain_.sets.back();
  const SignatureField& field = newest.message;
  if (auto why = refusal_of(field, now_)) co_return Error::permanent(*why);
  if (field.has_length) co_return Error::permanent("only a part of the body is signed (l=)");
  if (field.body_hash != hasher_->hash(field.body_form)) {
    co_return Error::permanent("the body has changed");
  }
  co_return co_await check(resolver, field, signed_digest(header_, field, newest.message_at));
}

/// RFC 8617 section 5.2, step 6. A seal covers all sets before it, which are hashed once.
Task<Result<void>> ArcVerifier::verify_seals(Resolver& resolver) {
  Sha256 before;
  for (const auto& set : chain_.sets) {
    Sha256 own = before;
    add_sealed(own, header_, set, true);
    add_sealed(before, header_, set, false);
    if (auto why = refusal_of(set.seal, now_)) co_return Error::permanent(*why);
    CO_TRY_DO(co_await check(resolver, set.seal, own.finish()));
  }
  co_return Result<void>();
}

Task<Result<void>> ArcVerifier::check(Resolver& resolver, const SignatureField& field,
                                      std::string digest) {
  auto name = field.key_name();
  auto known = keys_.find(name);
  if (known == keys_.end()) {
    CO_TRY(auto key, co_await find_dkim_key(resolver, name));
    known = keys_.emplace(name, std::move(key)).first;
  }
  const PublicKey& key = known->second.key;
  if (key.kind() != field.key_kind || !key.verifies(digest, field.signature)) {
    co_return Error::permanent("the signature of ARC set " + std::to_string(field.instance) +
                               " by " + field.domain + " does not fit");
  }
  co_return Result<void>();
}

}  // namespace pennypost
