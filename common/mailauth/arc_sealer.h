// Adds our set to the ARC chain of a message that is forwarded or sent to a list.
//
// The process that has the key sees digests only, the second of which depends on the first
// signature:
//
//   auto sealer = ArcSealer::make(request);
//   auto message_signature = key.sign(sealer->message_digest());
//   auto seal_signature = key.sign(sealer->seal_digest(message_signature));
//   header.insert(0, sealer->fields(message_signature, seal_signature));
//
// STANDARDS  RFC 8617 section 5.1
// SEE ALSO   arc.h (the other side), auth_results.h (the results that are sealed)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/mailauth/arc.h"
#include "common/mailauth/dkim_signer.h"

namespace pennypost {

struct ArcSealRequest {
  DkimIdentity identity;
  std::string header;                 // as it will be sent, without our set
  std::string body_hash;              // in relaxed form
  ArcStatus chain = ArcStatus::None;  // what ArcVerifier said when the message came in
  std::string results;                // auth_results_body() of our checks
  std::int64_t now_seconds = 0;
};

class ArcSealer {
 public:
  /// Error 451 if the chain could not be verified; 550 if it must not be extended: it has failed
  /// before, it has arc_sets_max sets, or its fields have no number to go on from.
  static Result<ArcSealer> make(const ArcSealRequest& request);

  const std::string& message_digest() const { return message_digest_; }
  std::string seal_digest(std::string_view message_signature) const;
  /// The three fields with CRLF, to be put above the header.
  std::string fields(std::string_view message_signature, std::string_view seal_signature) const;

 private:
  ArcSealer() = default;
  std::string results_field_;
  SignatureFieldWriter message_{"ARC-Message-Signature"};
  SignatureFieldWriter seal_{"ARC-Seal"};
  std::string message_digest_;
  Sha256 sealed_before_;
};

}  // namespace pennypost
