#include "common/mailauth/arc_sealer.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

/// What our message signature covers. RFC 8617 section 4.1.2: neither ARC's fields nor
/// Authentication-Results, but the signatures of those before us.
std::vector<std::string> names_of_message(const SignedHeader& header) {
  auto names = names_to_sign(header);
  names.insert(names.end(), header.count("dkim-signature"), "dkim-signature");
  return names;
}

/// Whether our set can be added to the chain; the number of it.
Result<std::uint32_t> next_instance(const ArcChain& chain, ArcStatus status) {
  if (status == ArcStatus::TempError) {
    return Error::temporary("the ARC chain could not be verified");
  }
  if (chain.is_empty()) return 1u;
  if (chain.has_failed) return Error::permanent("the ARC chain has failed before");
  if (chain.highest == 0) return Error::permanent("the ARC fields have no number");
  if (chain.highest >= arc_sets_max) {
    return Error::permanent("the ARC chain has " + std::to_string(chain.highest) + " sets already");
  }
  return chain.highest + 1;
}

}  // namespace

Result<ArcSealer> ArcSealer::make(const ArcSealRequest& request) {
  SignedHeader header(request.header);
  auto chain = ArcChain::of(header);
  TRY(auto instance, next_instance(chain, request.chain));
  auto names = names_of_message(header);
  if (names.size() > signed_names_max) {
    return Error::permanent("more than " + std::to_string(signed_names_max) + " fields to sign");
  }
  const DkimIdentity& identity = request.identity;
  auto number = std::to_string(instance);
  auto time = std::to_string(request.now_seconds);
  ArcSealer sealer;
  sealer.results_field_ =
      "ARC-Authentication-Results: i=" + number + "; " + request.results + "\r\n";

  auto& message = sealer.message_;
  message.tag("i", number);
  message.tag("a", identity.algorithm());
  message.tag("c", "relaxed/relaxed");
  message.tag("d", identity.domain);
  message.tag("s", identity.selector);
  message.tag("t", time);
  message.tag("bh", base64_encode(request.body_hash));
  message.names(names);
  message.begin_signature();
  Sha256 sha;
  header.add_to(sha, Canonical::Relaxed, names, header.fields().size());
  sha.add(unsigned_field(Canonical::Relaxed, message.text()));
  sealer.message_digest_ = sha.finish();

  bool passes = request.chain == ArcStatus::Pass && !chain.sets.empty();
  auto& seal = sealer.seal_;
  seal.tag("i", number);
  seal.tag("a", identity.algorithm());
  seal.tag("d", identity.domain);
  seal.tag("s", identity.selector);
  seal.tag("t", time);
  seal.tag("cv", chain.is_empty() ? "none" : passes ? "pass" : "fail");
  seal.begin_signature();
  // RFC 8617 section 5.1.2: the seal of a failed chain covers our set alone.
  if (!passes) return sealer;
  for (const auto& set : chain.sets) add_sealed(sealer.sealed_before_, header, set, false);
  return sealer;
}

std::string ArcSealer::seal_digest(std::string_view message_signature) const {
  Sha256 sha = sealed_before_;
  sha.add(canonical_field(Canonical::Relaxed, results_field_));
  sha.add(canonical_field(Canonical::Relaxed, message_.signed_with(message_signature)));
  sha.add(unsigned_field(Canonical::Relaxed, seal_.text()));
  return sha.finish();
}

std::string ArcSealer::fields(std::string_view message_signature,
                              std::string_view seal_signature) const {
  return seal_.signed_with(seal_signature) + message_.signed_with(message_signature) +
         results_field_;
}

}  // namespace pennypost
