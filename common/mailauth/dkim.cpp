#include "common/mailauth/dkim.h"

#include "common/mail/public_suffix.h"

namespace pennypost {
namespace {

constexpr std::size_t signature_start_octets = 12;  // RFC 6008 section 3: at least 8

void fail(DkimResult& result, DkimStatus status, std::string reason) {
  result.status = status;
  result.reason = std::move(reason);
}

void describe(const SignatureField& field, DkimResult& result) {
  result.domain = field.domain;
  result.selector = field.selector;
  result.identity = field.identity;
  result.algorithm = field.algorithm;
  result.signature_start = field.signature64.substr(0, signature_start_octets);
}

}  // namespace

std::string_view name_of(DkimStatus status) {
  switch (status) {
    case DkimStatus::None:
      return "none";
    case DkimStatus::Pass:
      return "pass";
    case DkimStatus::Fail:
      return "fail";
    case DkimStatus::Policy:
      return "policy";
    case DkimStatus::TempError:
      return "temperror";
    case DkimStatus::PermError:
      return "permerror";
  }
  return "?";
}

std::string signed_digest(const SignedHeader& header, const SignatureField& field,
                          std::size_t own) {
  Sha256 sha;
  header.add_to(sha, field.header_form, field.names, own);
  sha.add(unsigned_field(field.header_form, header.fields()[own].whole));
  return sha.finish();
}

std::optional<std::string> refusal_of(const SignatureField& field, std::int64_t now_seconds) {
  if (field.expires && *field.expires + clock_skew_seconds_max < now_seconds) {
    return "the signature has expired";
  }
  if (field.made && *field.made > now_seconds + clock_skew_seconds_max) {
    return "the signature was made in the future";
  }
  // RFC 6376 section 6.1.1: a signer may not speak for domains that are not its own.
  if (is_public_suffix(field.domain)) return "a public suffix can't sign";
  return {};
}

DkimVerifier::DkimVerifier(std::string header, std::int64_t now_seconds)
    : text_(std::move(header)), now_(now_seconds), header_(text_) {
  const auto& fields = header_.fields();
  for (std::size_t at = 0; at < fields.size(); ++at) {
    if (!fields[at].is("DKIM-Signature")) continue;
    if (candidates_.size() == dkim_signatures_max) break;
    examine(at);
  }
  hasher_.emplace(forms_);
}

/// Reads a signature, as far as that needs neither body nor key.
void DkimVerifier::examine(std::size_t at) {
  Candidate& candidate = candidates_.emplace_back();
  candidate.at = at;
  SignatureField partial;
  auto field = SignatureField::parse(SignatureKind::Dkim, header_.fields()[at].body, &partial);
  DkimResult& result = candidate.result;
  describe(partial, result);
  if (header_.is_too_long()) {
    return fail(result, DkimStatus::PermError,
                "more than " + std::to_string(signed_fields_max) + " header fields");
  }
  if (!field) return fail(result, DkimStatus::PermError, field.error().text());
  if (auto why = refusal_of(*field, now_)) return fail(result, DkimStatus::PermError, *why);
  if (field->has_length) {
    return fail(result, DkimStatus::Policy, "only a part of the body is signed (l=)");
  }
  forms_.add(field->body_form);
  candidate.field = *std::move(field);
}

Task<std::vector<DkimResult>> DkimVerifier::results(Loop& loop, Resolver& resolver,
                                                    Duration time_max) {
  hasher_->finish();
  auto end = std::chrono::steady_clock::now() + time_max;
  std::vector<DkimResult> all;
  for (auto& candidate : candidates_) {
    if (candidate.field) {
      const auto& field = *candidate.field;
      if (field.body_hash != hasher_->hash(field.body_form)) {
        fail(candidate.result, DkimStatus::Fail, "the body has changed");
      } else {
        auto left = std::chrono::duration_cast<Duration>(end - std::chrono::steady_clock::now());
        auto asking = find_dkim_key(resolver, field.key_name());
        auto key = co_await within(loop, std::max(left, Duration(0)), std::move(asking));
        judge(candidate, key ? *key : Error::temporary("no answer from DNS in time"));
      }
    }
    all.push_back(candidate.result);
  }
  co_return all;
}

void DkimVerifier::judge(Candidate& candidate, const Result<DkimKey>& key) const {
  DkimResult& result = candidate.result;
  const SignatureField& field = *candidate.field;
  if (!key) {
    bool temporary = key.error().is_temporary();
    return fail(result, temporary ? DkimStatus::TempError : DkimStatus::PermError,
                key.error().text());
  }
  result.key_bits = key->key.bits();
  result.is_testing = key->is_testing;
  result.is_authentic = key->is_authentic;
  if (key->key.kind() != field.key_kind) {
    fail(result, DkimStatus::PermError, "the key is of another kind than the signature");
  } else if (key->same_domain && field.identity_domain != field.domain) {
    fail(result, DkimStatus::PermError, "the key does not allow i= below d=");
  } else if (!key->key.verifies(signed_digest(header_, field, candidate.at), field.signature)) {
    fail(result, DkimStatus::Fail, "the signature does not fit the header");
  } else {
    result.status = DkimStatus::Pass;
    return;
  }
  // RFC 6376 section 3.6.1: a domain that only tests is treated as if it had not signed.
  if (result.is_testing) result.status = DkimStatus::None;
}

}  // namespace pennypost
